"""Frames: pictures with times."""

import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.frames import Frames
from capture.io.video import VideoReader


@pytest.fixture
def frames() -> Frames:
    pictures = [Image.new("RGB", (16, 16), (60 * i, 100, 20)) for i in range(4)]
    return Frames(pictures, [Fraction(i, 10) for i in range(5)])


class TestFrames:
    def test_frames_are_a_sequence_of_pictures(self, frames):
        assert len(frames) == 4 and frames[1] is frames.frames[1] and list(frames) == frames.frames
        assert frames.fps == pytest.approx(10)
        assert repr(frames) == "<4 frames, 16x16, 10 fps>"

    @pytest.mark.parametrize("name", ["a.gif", "a.mp4", "a.webp", "a.png", "deep/a.GIF"])
    def test_saved_files_have_the_frames_and_their_times(self, frames, tmp_path, name):
        path = frames.save(tmp_path / name)
        with VideoReader(path) as reader:
            assert len(reader) == 4
            assert [float(time) for time in reader.times] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.001)
            assert np.abs(np.asarray(reader.read_upright(2), int)[8, 8] - (120, 100, 20)).max() <= 6

    def test_without_an_ending_a_folder_of_pictures_is_written(self, frames, tmp_path):
        folder = frames.save(tmp_path / "walk")
        assert [path.name for path in sorted(folder.iterdir())] == [f"{i:05d}.png" for i in range(4)]
        assert np.array_equal(Image.open(folder / "00003.png"), frames[3])

    def test_a_sprite_sheet_has_its_description_beside_it(self, frames, tmp_path):
        path = frames.save(tmp_path / "sheet.png", form="sheet")
        assert Image.open(path).size[0] >= 32
        assert len(json.loads(path.with_suffix(".json").read_text())["frames"]) == 4

    def test_other_endings_are_refused(self, frames, tmp_path):
        with pytest.raises(CaptureError, match="saved as .gif, .mp4"):
            frames.save(tmp_path / "a.txt")

    def test_notebooks_show_an_animation(self, frames):
        assert frames._repr_html_().startswith('<img alt="4 frames" src="data:image/gif;base64,R0lGOD')
