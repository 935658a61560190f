"""Animated pictures as videos: GIF, APNG, WebP, AVIF."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.images import open_rgb
from capture.io.video import VideoReader, is_animation, is_video, video_frames
from tests.helpers.make_figures import save_animation

COLOURS = ((255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255))
KINDS = ("a.gif", "a.png", "a.webp", "a.avif")


def flat_frames(size=(16, 12)) -> list[Image.Image]:
    return [Image.new("RGB", size, colour) for colour in COLOURS]


def centre(image: Image.Image) -> np.ndarray:
    return np.asarray(image)[image.height // 2, image.width // 2].astype(int)


class TestFrames:
    @pytest.mark.parametrize("name", KINDS)
    def test_every_frame_in_any_order(self, tmp_path, name):
        path = save_animation(tmp_path / name, flat_frames(), 80)
        assert is_animation(path) and is_video(path)
        with VideoReader(path) as reader:
            assert len(reader) == 4
            for i in (0, 3, 1, 2, 0):
                assert np.abs(centre(reader.read(i)) - COLOURS[i]).max() <= 6

    @pytest.mark.parametrize("name", KINDS)
    def test_durations_of_their_own(self, tmp_path, name):
        path = save_animation(tmp_path / name, flat_frames(), [50, 400, 100, 250])
        with VideoReader(path) as reader:
            assert [float(t) for t in reader.times] == pytest.approx([0, 0.05, 0.45, 0.55, 0.8], abs=0.002)
            assert reader.rate == Fraction(4) / reader.times[-1]

    @pytest.mark.parametrize(("name", "shortest"), [("a.gif", 0), ("a.gif", 10), ("a.png", 0), ("a.webp", 0)])
    def test_durations_that_no_browser_keeps_to(self, tmp_path, name, shortest):
        path = save_animation(tmp_path / name, flat_frames(), shortest)
        with VideoReader(path) as reader:
            assert [float(t) for t in reader.times] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.002)

    def test_a_reader_can_be_pickled(self, tmp_path):
        reader = VideoReader(save_animation(tmp_path / "a.gif", flat_frames(), 80))
        assert len(reader) == 4
        assert (centre(pickle.loads(pickle.dumps(reader)).read(2)) == COLOURS[2]).all()

    def test_every_second_frame(self, tmp_path):
        path = save_animation(tmp_path / "a.gif", flat_frames(), 80)
        assert [tuple(centre(frame)) for frame in video_frames(path, 2)] == [COLOURS[0], COLOURS[2]]


class TestTransparency:
    @pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
    def test_over_the_ground_that_is_asked(self, tmp_path, name):
        frames = []
        for i in range(3):
            frame = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
            frame.paste((200, 0, 0, 255), (4 * i, 0, 4 * i + 4, 16))
            frames.append(frame)
        path = save_animation(tmp_path / name, frames, 80, disposal=2)
        with VideoReader(path) as reader:
            for i in range(3):
                assert reader.read_upright(i).mode == "RGBA"
                row = np.asarray(reader.read(i, (235, 235, 235)))[8].astype(int)
                expected = np.full((16, 3), 235)
                expected[4 * i : 4 * i + 4] = (200, 0, 0)
                assert np.abs(row - expected).max() <= 4, (name, i)
                assert (np.asarray(reader.read(i))[8, 15] == 255).all()

    @pytest.mark.parametrize("disposal", [0, 1, 2, 3])
    def test_disposal_of_a_gif(self, tmp_path, disposal):
        """A square moves over a transparent canvas; what the frame before leaves, its disposal says."""
        frames = []
        for i in range(3):
            frame = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
            frame.paste((200, 0, 0, 255), (4 * i, 4, 4 * i + 4, 8))
            frames.append(frame)
        path = tmp_path / "a.gif"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, disposal=disposal, optimize=False)
        with VideoReader(path) as reader, Image.open(path) as image:
            for i in range(len(reader)):
                image.seek(i)
                want = np.asarray(image.convert("RGBA"))
                assert np.array_equal(np.asarray(reader.read_upright(i).convert("RGBA")), want)
            shown = np.asarray(reader.read_upright(2).convert("RGBA"))[5, :, 3] > 0
        assert shown[8:12].all() and not shown[12:].any()
        assert shown[:8].all() if disposal in (0, 1) else not shown[:8].any()


class TestStillPictures:
    @pytest.mark.parametrize("name", KINDS)
    def test_one_frame_is_a_picture(self, tmp_path, name):
        flat_frames()[0].save(tmp_path / name)
        assert not is_animation(tmp_path / name) and not is_video(tmp_path / name)

    def test_a_gif_saved_as_an_animation_of_one_frame(self, tmp_path):
        path = save_animation(tmp_path / "a.gif", flat_frames()[:1], 80)
        assert not is_animation(path) and open_rgb(path).size == (16, 12)

    def test_the_default_picture_of_an_apng_is_no_frame(self, tmp_path):
        frames = flat_frames()
        Image.new("RGB", (16, 12), (9, 9, 9)).save(
            tmp_path / "a.png", save_all=True, append_images=frames, duration=80, default_image=True
        )
        with VideoReader(tmp_path / "a.png") as reader:
            assert len(reader) == 4 and tuple(centre(reader.read(0))) == COLOURS[0]

    def test_other_names_missing_files_and_hidden_ones(self, tmp_path):
        save_animation(tmp_path / "a.gif", flat_frames(), 80).rename(tmp_path / "a.txt")
        save_animation(tmp_path / ".a.gif", flat_frames(), 80)
        (tmp_path / "b.gif").write_bytes(b"GIF89a")
        for name in ("a.txt", ".a.gif", "b.gif", "gone.gif"):
            assert not is_animation(tmp_path / name)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_cut_off_animations_are_named(tmp_path, name):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in range(6)]
    path = save_animation(tmp_path / name, frames, 80)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(CaptureError) as caught:
        reader = VideoReader(path)
        for i in range(max(len(reader), 6)):
            reader.read(i)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
