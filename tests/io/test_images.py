"""Pictures in and out, whatever people's files are like."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.images import (
    denormalise,
    grid,
    image_to_tensor,
    load_image,
    normalise,
    open_rgb,
    padding,
    png_bytes,
    size_in_header,
    to_square,
)
from tests.conftest import ROOT


class TestToSquare:
    @pytest.mark.parametrize(
        ("size", "expected"),
        [((10, 10), (0, 0, 0, 0)), ((7, 10), (1, 0, 2, 0)), ((10, 7), (0, 1, 0, 2)), ((4, 10), (3, 0, 3, 0))],
    )
    def test_odd_pixel_of_the_padding_is_right_or_bottom(self, size, expected):
        assert padding(*size) == expected

    def test_frames_are_padded_with_white_and_resized_bilinearly(self):
        image = Image.fromarray(np.array([[[0, 0, 0], [90, 90, 90]]] * 4, np.uint8))  # 2 wide, 4 high
        wide = image_to_tensor(to_square(image, 4))
        assert wide[0, 0].tolist() == [255, 0, 90, 255]
        twice = image_to_tensor(to_square(image, 8))
        # the centres of the new pixels lie a quarter of an old pixel from the old centres
        assert twice[0, 3, 2].item() == pytest.approx(0.75 * 0 + 0.25 * 255, abs=1)
        assert twice[0, 3, 3].item() == pytest.approx(0.75 * 0 + 0.25 * 90, abs=1)

    def test_padding_is_white_and_the_picture_unchanged(self):
        image = Image.new("RGB", (3, 6), (10, 20, 30))
        square = np.asarray(to_square(image, 6))
        assert (square[:, 0] == 255).all() and (square[:, 4:] == 255).all()
        assert (square[:, 1:4] == (10, 20, 30)).all()


def png(width: int, height: int, bits: int, colours: int, rows: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG file of any bit depth and colour type, which Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)), *more]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in [*chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


class TestOpenRgb:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "I", "F"])
    def test_every_mode_opens_as_rgb_with_the_same_brightness(self, tmp_path, mode):
        gray = np.full((8, 8), 128, np.uint8)
        if mode == "I;16":
            image, suffix = Image.fromarray(gray.astype(np.uint16) * 257), "png"
        elif mode in ("I", "F"):
            image, suffix = Image.fromarray(gray).convert(mode), "tiff"
        elif mode == "1":
            image, suffix = Image.fromarray(gray * 2 - 1).convert("1"), "png"
        elif mode == "P":
            image, suffix = Image.fromarray(gray).convert("RGB").quantize(4), "png"
        else:
            image, suffix = Image.fromarray(gray).convert("RGB").convert(mode), "tiff" if mode == "CMYK" else "png"
        path = tmp_path / f"picture.{suffix}"
        image.save(path)
        opened = open_rgb(path)
        assert opened.mode == "RGB"
        want = 255 if mode == "1" else 128
        assert np.abs(np.asarray(opened).astype(int) - want).max() <= 2

    def test_transparency_over_white_and_exif_orientation(self, tmp_path):
        Image.new("RGBA", (4, 4), (200, 0, 0, 0)).save(tmp_path / "clear.png")
        assert (np.asarray(open_rgb(tmp_path / "clear.png")) == 255).all()
        exif = Image.Exif()
        exif[274] = 6  # turn by 90 degrees to show
        Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
        assert open_rgb(tmp_path / "turned.jpg").size == (4, 8)

    def test_first_frame_of_an_animation(self, tmp_path):
        frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
        frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
        assert np.asarray(open_rgb(tmp_path / "moving.gif"))[0, 0, 0] > 200

    @pytest.mark.parametrize(
        ("bits", "colours", "row", "more", "want"),
        [
            (16, GRAY, struct.pack(">2H", 0x8000, 200), (), [[128] * 3, [1] * 3]),
            (16, GRAY, struct.pack(">2H", 100, 200), (), [[0] * 3, [1] * 3]),  # nearly black, though all below 256
            (16, GRAY, struct.pack(">2H", 0x8000, 0), ((b"tRNS", b"\x80\x00"),), [[255] * 3, [0] * 3]),
            (16, GRAY_ALPHA, struct.pack(">4H", 0x4000, 0xFFFF, 0, 0), (), [[64] * 3, [255] * 3]),
            (16, RGB, struct.pack(">6H", 0x8000, 0x4000, 0xFFFF, 0, 0, 0), (), [[128, 64, 255], [0] * 3]),
            (16, RGB_ALPHA, struct.pack(">8H", 0x8000, 0, 0, 0xFFFF, 9, 9, 9, 0), (), [[128, 0, 0], [255] * 3]),
            (8, GRAY, b"\x0a\x63", ((b"tRNS", b"\x00\x0a"),), [[255] * 3, [99] * 3]),
            (8, GRAY_ALPHA, b"\x0a\xff\x0a\x00", (), [[10] * 3, [255] * 3]),
            (8, RGB, bytes([1, 2, 3, 4, 5, 6]), ((b"tRNS", b"\0\1\0\2\0\3"),), [[255] * 3, [4, 5, 6]]),
            (8, PALETTE, b"\0\1", ((b"PLTE", bytes([9, 9, 9, 0, 0, 200])), (b"tRNS", b"\0")), [[255] * 3, [0, 0, 200]]),
            (
                4,
                PALETTE,
                b"\x01",
                ((b"PLTE", bytes([9, 9, 9, 0, 0, 200])), (b"tRNS", b"\xff\x80")),
                [[9] * 3, [127, 127, 227]],
            ),
            (1, GRAY, b"\x80", (), [[255] * 3, [0] * 3]),
        ],
    )
    def test_every_kind_of_png(self, tmp_path, bits, colours, row, more, want):
        (tmp_path / "picture.png").write_bytes(png(2, 1, bits, colours, b"\0" + row, *more))
        assert np.asarray(open_rgb(tmp_path / "picture.png"))[0].tolist() == want

    def test_cmyk_jpeg_is_inverted_as_adobe_does(self, tmp_path):
        Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=95)
        data = (tmp_path / "red.jpg").read_bytes()
        assert b"Adobe" in data  # the marker that says so
        assert np.abs(np.asarray(open_rgb(tmp_path / "red.jpg")).astype(int) - (255, 0, 0)).max() <= 3

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_orientations(self, tmp_path, orientation):
        upright = np.zeros((16, 32, 3), np.uint8)
        upright[:8, :16] = 255  # a white corner, top left
        stored = {  # what a camera that was held so writes
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.transpose(1, 0, 2),
            6: np.rot90(upright),
            7: np.rot90(upright, 2).transpose(1, 0, 2),
            8: np.rot90(upright, 3),
        }[orientation]
        exif = Image.Exif()
        exif[274] = orientation
        for name in ("a.jpg", "a.png", "a.webp", "a.tiff"):
            Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / name, exif=exif)
            assert np.abs(np.asarray(open_rgb(tmp_path / name)).astype(int) - upright).mean() < 4
            assert size_in_header(tmp_path / name) == (32, 16)

    @pytest.mark.parametrize("name", ["moving.gif", "moving.webp", "moving.png", "pages.tiff"])
    def test_first_frame_of_every_animation_format(self, tmp_path, name):
        frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0))]
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert Image.open(tmp_path / name).n_frames == 3
        assert np.abs(np.asarray(open_rgb(tmp_path / name)).astype(int) - (255, 0, 0)).max() <= 3

    def test_white_of_float_pictures(self, tmp_path):
        for top in (1.0, 255.0):
            Image.fromarray(np.array([[0, top / 2, top]], np.float32)).save(tmp_path / "float.tiff")
            assert np.asarray(open_rgb(tmp_path / "float.tiff"))[0, :, 0].tolist() == [0, 128, 255]

    def test_lab_is_converted(self, tmp_path):
        Image.new("LAB", (2, 2), (128, 128, 128)).save(tmp_path / "lab.tiff")
        assert np.abs(np.asarray(open_rgb(tmp_path / "lab.tiff")).astype(int) - 119).max() <= 2

    def test_broken_exif_data_and_large_pictures_print_nothing(self, tmp_path):
        exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01" + b"\xff" * 40
        Image.new("RGB", (8, 4), (9, 9, 9)).save(tmp_path / "exif.jpg", exif=exif)
        Image.new("1", (12_000, 9_000)).save(tmp_path / "large.png")
        code = (
            "from capture.io.images import open_rgb; from capture.common.errors import CaptureError\n"
            f"assert open_rgb({str(tmp_path / 'exif.jpg')!r}).size == (8, 4)\n"
            f"try: open_rgb({str(tmp_path / 'large.png')!r})\n"
            "except CaptureError: print('refused')"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert (done.stdout, done.stderr) == ("refused\n", "")


def broken_files():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    whole = buffer.getvalue()
    return [
        (b"", "an empty file"),
        (b"hello", "not a picture"),
        (whole[: len(whole) // 2], "a broken picture"),
        (whole[:20], "picture"),
    ]


class TestRefusedPictures:
    @pytest.mark.parametrize("kind", ["JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "PNG"])
    @pytest.mark.parametrize("share", [0.01, 0.6])
    def test_truncated_pictures_of_every_format(self, tmp_path, kind, share):
        path = tmp_path / f"ä b.{kind.lower()}"
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(CaptureError) as caught:
            open_rgb(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)

    def test_long_pictures_are_refused_before_they_are_padded(self, tmp_path):
        (tmp_path / "thread.png").write_bytes(png(60_000, 1, 8, GRAY, bytes(60_001)))  # its square would take 10 GB
        with pytest.raises(CaptureError, match="60000x1 is over 64 megapixels or 16000 pixels long"):
            open_rgb(tmp_path / "thread.png")

    def test_folders_and_odd_names(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(CaptureError, match="pipe.png"):  # and does not wait for someone to write
            open_rgb(tmp_path / "pipe.png")
        for name in ("ä 画 b.png", os.fsdecode(b"\xff.png")):
            Image.new("RGB", (3, 2)).save(tmp_path / "plain.png")
            (tmp_path / "plain.png").rename(tmp_path / name)
            assert open_rgb(tmp_path / name).size == (3, 2)

    @pytest.mark.parametrize(("data", "message"), broken_files())
    def test_broken_pictures_are_named(self, tmp_path, data, message):
        path = tmp_path / "frame 7.png"
        path.write_bytes(data)
        with pytest.raises(CaptureError) as caught:
            load_image(path, 8)
        assert message in str(caught.value) and "frame 7.png" in str(caught.value) and "\n" not in str(caught.value)

    def test_missing_folder_and_enormous_pictures(self, tmp_path):
        with pytest.raises(CaptureError, match="no such file"):
            open_rgb(tmp_path / "nothing.png")
        with pytest.raises(CaptureError):
            open_rgb(tmp_path)
        Image.new("1", (20000, 20000)).save(tmp_path / "huge.png")
        with pytest.raises(CaptureError, match="huge.png"):
            open_rgb(tmp_path / "huge.png")

    def test_float_picture_with_nan(self, tmp_path):
        Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "nan.tiff")
        with pytest.raises(CaptureError, match="nan.tiff: holds NaN"):
            open_rgb(tmp_path / "nan.tiff")


class TestConversion:
    def test_uint8_survives_the_round_trip(self):
        image = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
        assert torch.equal(denormalise(normalise(image)), image)
        assert normalise(image).min() == -1 and normalise(image).max() == 1

    def test_grid_has_a_row_for_each_sample(self):
        a, b = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.full((2, 3, 4, 4), 7, dtype=torch.uint8)
        picture = grid([a, b], gap=1)
        assert picture.shape == (3, 11, 11)
        assert (
            (picture[:, 1:5, 1:5] == 0).all() and (picture[:, 6:10, 6:10] == 7).all() and (picture[:, 0] == 255).all()
        )
        assert Image.open(io.BytesIO(png_bytes(picture))).size == (11, 11)
