"""Folders of numbered pictures, single pictures, and the registry of formats."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from capture.cli import animation_options
from capture.inference.formats.base import Timeline, over_ground
from capture.inference.formats.frames import frames_folder
from capture.inference.formats.pictures import PICTURES, picture_bytes
from capture.inference.formats.registry import FORMATS, Settings, movie, movie_path
from capture.io.images import open_rgb
from tests.helpers.make_animations import moving_square, write_all
from tests.helpers.make_videos import numbered


class TestFrames:
    def test_numbered_pictures(self, tmp_path):
        write_all(frames_folder(tmp_path / "a"), [numbered(i, 64, 48) for i in range(3)])
        assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["00000.png", "00001.png", "00002.png"]
        assert np.array_equal(np.asarray(open_rgb(tmp_path / "a" / "00002.png")), numbered(2, 64, 48))

    def test_alpha_is_kept(self, tmp_path):
        frames = moving_square(2, alpha=True)
        write_all(frames_folder(tmp_path / "a"), frames)
        assert np.array_equal(np.asarray(Image.open(tmp_path / "a" / "00001.png")), frames[1])

    def test_a_shorter_run_leaves_no_frame_of_the_longer_one(self, tmp_path):
        write_all(frames_folder(tmp_path / "a"), moving_square(5, alpha=False))
        (tmp_path / "a" / "notes.txt").write_text("mine")
        frames = moving_square(2, alpha=True)
        write_all(frames_folder(tmp_path / "a"), frames)
        assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["00000.png", "00001.png", "notes.txt"]
        assert np.array_equal(np.asarray(Image.open(tmp_path / "a" / "00001.png")), frames[1])

    def test_a_run_that_breaks_off_leaves_the_older_one(self, tmp_path):
        write_all(frames_folder(tmp_path / "a"), moving_square(2, alpha=False))
        before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
        with pytest.raises(KeyboardInterrupt), frames_folder(tmp_path / "a") as write:
            write(moving_square(1, alpha=True)[0])
            raise KeyboardInterrupt
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
        assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before


class TestPictures:
    @pytest.mark.parametrize("form", PICTURES)
    @pytest.mark.parametrize("alpha", [False, True])
    def test_single_pictures_are_exact(self, form, alpha):
        picture = moving_square(1, alpha)[0]
        with Image.open(io.BytesIO(picture_bytes(picture, form))) as image:
            assert image.format == form.upper() and image.mode == ("RGBA" if alpha else "RGB")
            got = np.asarray(image)
        shown = picture[..., 3] > 0 if alpha else np.ones(picture.shape[:2], bool)
        assert np.array_equal(got[shown], picture[shown])

    def test_compositing_agrees_with_pillow(self):
        picture = np.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=np.uint8)
        ground = Image.new("RGBA", (7, 9), (235, 10, 90, 255))
        expected = np.asarray(Image.alpha_composite(ground, Image.fromarray(picture)).convert("RGB")).astype(int)
        assert np.abs(over_ground(picture, (235, 10, 90)).astype(int) - expected).max() <= 1


class TestRegistry:
    def test_options_offer_what_there_is(self):
        assert set(animation_options.ANIMATIONS) == set(FORMATS)
        assert animation_options.PICTURES == PICTURES

    @pytest.mark.parametrize("form", list(FORMATS))
    @pytest.mark.parametrize("alpha", [False, True])
    def test_every_format_takes_pictures_with_and_without_alpha(self, tmp_path, form, alpha):
        timeline = Timeline([Fraction(i, 12) for i in range(4)])
        write_all(movie(tmp_path / "a", form, timeline, Settings()), moving_square(3, alpha))
        assert movie_path(tmp_path / "a", form).exists()
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
