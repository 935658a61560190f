"""Frames of videos as pictures: upright, in their colours, whatever the pixel format."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from capture.io.video import VideoReader
from tests.helpers.make_videos import BLUE, RED, make_video, number, numbered


class TestFramesAsPictures:
    @pytest.mark.parametrize("turn", [0, 90, 180, 270])
    @pytest.mark.parametrize("mirror", [False, True])
    def test_rotation_is_applied(self, tmp_path, turn, mirror):
        path = make_video(
            tmp_path / "turned.mp4", 4, prepare=lambda s: s.set_display_rotation(turn, hflip=mirror), crf=5
        )
        with VideoReader(path) as reader:
            shown = reader.read(3)
        want = Image.fromarray(numbered(3, 64, 48)).rotate(turn, expand=True)  # both counterclockwise, then the mirror
        want = np.asarray(want)[:, ::-1] if mirror else np.asarray(want)
        assert np.abs(np.asarray(shown).astype(int) - want).mean() < 6

    def test_pixels_that_are_not_square(self, tmp_path):
        def prepare(stream):
            stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

        with VideoReader(make_video(tmp_path / "wide.mp4", 4, prepare=prepare)) as reader:
            assert reader.read(2).size == (85, 48) and number(reader.read(2)) == 2

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("444.mp4", {"pixels": "yuv444p", "crf": 5}),
            ("10bit.mp4", {"pixels": "yuv420p10le", "crf": 5}),
            ("full.mp4", {"pixels": "yuvj420p", "crf": 5}),
            ("rgb.mp4", {"codec": "libx264rgb", "pixels": "rgb24", "crf": 0}),
            ("odd.mp4", {"size": (65, 47), "pixels": "yuv444p", "crf": 5}),
            ("odd.webm", {"size": (65, 47), "codec": "libvpx-vp9", "crf": 5, "b": "0"}),
            ("argb.mov", {"codec": "qtrle", "pixels": "argb"}),
            ("deep.mov", {"codec": "png", "pixels": "rgb48be"}),
        ],
    )
    def test_colours_of_every_pixel_format(self, tmp_path, name, options):
        with VideoReader(make_video(tmp_path / name, 4, **options)) as reader:
            image = np.asarray(reader.read(3)).astype(int)
        h, w = image.shape[:2]
        assert (w, h) == options.get("size", (64, 48))
        for where, want in ((w // 4, RED), (w * 3 // 4, BLUE)):
            assert np.abs(image[h * 3 // 4, where] - want).max() <= 4
        assert np.abs(image[2, 2] - 255).max() <= 2 and image[2, w - 3].max() <= 2

    def test_colour_matrix_of_the_file(self, tmp_path):
        def prepare(stream):
            stream.codec_context.colorspace = 1  # BT.709, while the encoder's input is converted by BT.601

        with VideoReader(make_video(tmp_path / "709.mp4", 2, crf=5, prepare=prepare)) as reader:
            found = np.asarray(reader.read(0))[36, 16].astype(float)
        r, g, b = (value / 255 for value in RED)
        y = 0.299 * r + 0.587 * g + 0.114 * b
        cb, cr = (b - y) / 1.772, (r - y) / 1.402
        want = np.array([y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb]) * 255
        assert np.abs(found - want).max() <= 3

    def test_limited_range_grey(self, tmp_path):
        def prepare(stream):
            stream.codec_context.color_range = 1  # as cameras and film have it

        gray = np.repeat(np.array([[16, 126, 235]], np.uint8), 20, axis=1).repeat(48, axis=0)
        path = make_video(tmp_path / "g.mkv", [gray] * 2, codec="ffv1", pixels="gray", prepare=prepare)
        with VideoReader(path) as reader:
            row = np.asarray(reader.read(1))[24].astype(int)
        assert np.abs(row[[10, 30, 50]] - [[0], [128], [255]]).max() <= 2

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("vp9.webm", {"codec": "libvpx-vp9", "pixels": "yuva420p"}),
            ("vp8.webm", {"codec": "libvpx", "pixels": "yuva420p", "auto-alt-ref": 0}),
            ("qtrle.mov", {"codec": "qtrle", "pixels": "argb"}),
            ("png.mov", {"codec": "png", "pixels": "rgba"}),
            ("ffv1.mkv", {"codec": "ffv1", "pixels": "yuva444p"}),
        ],
    )
    def test_transparency_over_white(self, tmp_path, name, options):
        def veiled(i: int) -> np.ndarray:
            frame = np.dstack([numbered(i, 64, 48), np.full((48, 64), 255, np.uint8)])
            frame[36:, :, 3], frame[30:36, :, 3] = 0, 128
            return frame

        path = make_video(tmp_path / name, [veiled(i) for i in range(6)], **options)
        with VideoReader(path) as reader:
            assert [number(reader.read(i)) for i in (5, 2, 3)] == [5, 2, 3]
            image = np.asarray(reader.read(3)).astype(int)
        assert (image[44] == 255).all()
        assert np.abs(image[33, 16] - [227, 142, 142]).max() <= 3 and np.abs(image[27, 16] - RED).max() <= 4
