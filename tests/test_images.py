"""Pictures in and out, whatever people's files are like."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from capture.errors import CaptureError
from capture.images import denormalise, grid, load_image, normalise, open_rgb, padding, png_bytes, to_square


def test_uint8_survives_the_round_trip():
    image = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(denormalise(normalise(image)), image)
    assert normalise(image).min() == -1 and normalise(image).max() == 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [((10, 10), (0, 0, 0, 0)), ((7, 10), (1, 0, 2, 0)), ((10, 7), (0, 1, 0, 2)), ((4, 10), (3, 0, 3, 0))],
)
def test_odd_pixel_of_the_padding_goes_right_or_bottom(size, expected):
    assert padding(*size) == expected


def test_square_is_white_around_and_untouched_inside():
    image = Image.new("RGB", (3, 6), (10, 20, 30))
    square = np.asarray(to_square(image, 6))
    assert (square[:, 0] == 255).all() and (square[:, 4:] == 255).all()
    assert (square[:, 1:4] == (10, 20, 30)).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "I", "F"])
def test_every_mode_opens_as_rgb_with_its_own_brightness(tmp_path, mode):
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


def test_transparency_shows_white_and_exif_turns(tmp_path):
    Image.new("RGBA", (4, 4), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (np.asarray(open_rgb(tmp_path / "clear.png")) == 255).all()
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees to show
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    assert open_rgb(tmp_path / "turned.jpg").size == (4, 8)


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(open_rgb(tmp_path / "moving.gif"))[0, 0, 0] > 200


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


@pytest.mark.parametrize(("data", "message"), broken_files())
def test_broken_pictures_are_named(tmp_path, data, message):
    path = tmp_path / "frame 7.png"
    path.write_bytes(data)
    with pytest.raises(CaptureError) as caught:
        load_image(path, 8)
    assert message in str(caught.value) and "frame 7.png" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_folder_and_enormous_pictures(tmp_path):
    with pytest.raises(CaptureError, match="no such file"):
        open_rgb(tmp_path / "nothing.png")
    with pytest.raises(CaptureError):
        open_rgb(tmp_path)
    Image.new("1", (20000, 20000)).save(tmp_path / "huge.png")
    with pytest.raises(CaptureError, match="huge.png"):
        open_rgb(tmp_path / "huge.png")


def test_a_float_picture_with_nan_in_it_is_refused(tmp_path):
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    with pytest.raises(CaptureError, match="nan.tiff: holds NaN"):
        open_rgb(tmp_path / "nan.tiff")


def test_grid_puts_columns_beside_and_samples_below():
    a, b = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.full((2, 3, 4, 4), 7, dtype=torch.uint8)
    picture = grid([a, b], gap=1)
    assert picture.shape == (3, 11, 11)
    assert (picture[:, 1:5, 1:5] == 0).all() and (picture[:, 6:10, 6:10] == 7).all() and (picture[:, 0] == 255).all()
    assert Image.open(io.BytesIO(png_bytes(picture))).size == (11, 11)
