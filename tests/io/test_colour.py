"""Colours of picture files: ICC profiles, float values above white, few bits in many."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from capture.io.images import open_rgb, open_upright
from tests.helpers.icc import gray_profile, rgb_profile
from tests.helpers.make_png import RGB, png


def srgb_to_linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


class TestIccProfiles:
    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tiff", "a.avif"])
    @pytest.mark.parametrize("gamut", ["display_p3", "adobe_rgb"])
    def test_wide_gamut_red_becomes_a_stronger_srgb_red(self, tmp_path, name, gamut):
        more = {"quality": 98, "subsampling": 0} if name == "a.jpg" else {"quality": 98} if name == "a.avif" else {}
        more |= {"lossless": True} if name == "a.webp" else {}
        Image.new("RGB", (16, 16), (201, 62, 68)).save(tmp_path / name, icc_profile=rgb_profile(gamut), **more)
        red, green, blue = (int(v) for v in np.asarray(open_rgb(tmp_path / name))[8, 8])
        assert red > 210 and green <= 61 and red - green > 165, (red, green, blue)

    def test_display_p3_matches_the_published_conversion(self, tmp_path):
        """Linear P3 to linear sRGB, both of white D65 (CSS Color 4, section 18)."""
        matrix = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]
        linear = np.array(matrix) @ [srgb_to_linear(v / 255) for v in (201, 62, 68)]
        expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
        Image.new("RGB", (4, 4), (201, 62, 68)).save(tmp_path / "a.png", icc_profile=rgb_profile("display_p3"))
        assert np.abs(np.asarray(open_rgb(tmp_path / "a.png"))[0, 0] - expected).max() <= 2

    def test_alpha_is_kept_beside_a_profile(self, tmp_path):
        image = Image.new("RGBA", (4, 4), (201, 62, 68, 255))
        image.putpixel((0, 0), (201, 62, 68, 0))
        image.save(tmp_path / "a.png", icc_profile=rgb_profile("display_p3"))
        opened = np.asarray(open_upright(tmp_path / "a.png"))
        assert opened[0, 0, 3] == 0 and opened[1, 1, 3] == 255 and opened[1, 1, 0] > 210

    def test_palette_pictures_are_converted(self, tmp_path):
        image = Image.new("RGB", (4, 4), (201, 62, 68)).quantize(4)
        image.save(tmp_path / "a.png", icc_profile=rgb_profile("display_p3"))
        assert np.asarray(open_rgb(tmp_path / "a.png"))[0, 0, 0] > 210

    def test_srgb_profile_changes_no_bit(self, tmp_path):
        values = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.fromarray(values).save(tmp_path / "a.png", icc_profile=profile)
        assert np.array_equal(np.asarray(open_rgb(tmp_path / "a.png")), values)

    @pytest.mark.parametrize("mode", ["L", "LA"])
    def test_gray_profile_with_another_gamma(self, tmp_path, mode):
        Image.new("L", (4, 4), 128).convert(mode).save(tmp_path / "a.png", icc_profile=gray_profile(1.0))
        linear = 128 / 255
        expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
        got = np.asarray(open_rgb(tmp_path / "a.png"))[0, 0]
        if mode == "L":
            assert np.abs(got.astype(int) - expected).max() <= 2

    @pytest.mark.parametrize("profile", [b"", b"nonsense" * 40, "gray"])
    def test_broken_and_mismatched_profiles_are_ignored(self, tmp_path, profile):
        data = gray_profile(1.0) if profile == "gray" else profile
        Image.new("RGB", (4, 4), (10, 20, 30)).save(tmp_path / "a.png", icc_profile=data)
        assert tuple(np.asarray(open_rgb(tmp_path / "a.png"))[0, 0]) == (10, 20, 30)


class TestDeepSamples:
    @pytest.mark.parametrize("top", [1.0001, 1.2, 1.49])
    def test_float_a_little_above_one(self, tmp_path, top):
        Image.fromarray(np.array([[0, 0.5, 1.0, top]], np.float32)).save(tmp_path / "a.tiff")
        assert np.asarray(open_rgb(tmp_path / "a.tiff"))[0, :, 0].tolist() == [0, 128, 255, 255]

    def test_float_with_a_few_highlights_and_with_values_below_zero(self, tmp_path):
        values = np.full((40, 40), 0.5, np.float32)
        values[0, 0], values[0, 1] = 12.0, -0.1
        Image.fromarray(values).save(tmp_path / "a.tiff")
        opened = np.asarray(open_rgb(tmp_path / "a.tiff"))[..., 0]
        assert opened[1, 1] == 128 and opened[0, 0] == 255 and opened[0, 1] == 0

    def test_float_a_little_above_255(self, tmp_path):
        Image.fromarray(np.array([[0, 127.5, 255, 255.4]], np.float32)).save(tmp_path / "a.tiff")
        assert np.asarray(open_rgb(tmp_path / "a.tiff"))[0, :, 0].tolist() == [0, 128, 255, 255]

    @pytest.mark.parametrize("bits", [10, 12, 16])
    def test_gray_with_fewer_bits_than_are_stored(self, tmp_path, bits):
        top = 2**bits - 1
        values = np.array([[0, top // 2, top]], np.uint16)
        Image.fromarray(values).save(tmp_path / "a.png")
        opened = np.asarray(open_rgb(tmp_path / "a.png"))[0, :, 0].astype(int)
        assert np.abs(opened - [0, 127, 255]).max() <= 1

    def test_colours_of_twelve_bits_in_sixteen(self, tmp_path):
        row = b"\0" + struct.pack(">6H", 4095, 2048, 0, 1000, 500, 4000)
        (tmp_path / "a.png").write_bytes(png(2, 1, 16, RGB, row))
        assert np.asarray(open_rgb(tmp_path / "a.png"))[0].tolist() == [[255, 128, 0], [62, 31, 249]]

    def test_nearly_black_colours_of_sixteen_bits_stay_black(self, tmp_path):
        (tmp_path / "a.png").write_bytes(png(2, 1, 16, RGB, b"\0" + struct.pack(">6H", 3, 200, 0, 10, 50, 100)))
        assert np.asarray(open_rgb(tmp_path / "a.png")).max() == 0


class TestGround:
    def test_transparency_over_the_ground_that_is_asked(self, tmp_path):
        Image.new("RGBA", (4, 4), (255, 255, 255, 0)).save(tmp_path / "a.png")
        assert tuple(np.asarray(open_rgb(tmp_path / "a.png", (235, 235, 235)))[0, 0]) == (235, 235, 235)
        assert open_upright(tmp_path / "a.png").mode == "RGBA"

    @pytest.mark.parametrize("name", ["a.png", "a.gif", "a.webp"])
    def test_palette_transparency_stays_transparency(self, tmp_path, name):
        image = Image.new("RGBA", (8, 8), (255, 255, 255, 255))
        image.paste((0, 0, 0, 0), (0, 0, 4, 8))
        image.save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
        opened = np.asarray(open_upright(tmp_path / name))
        assert opened[0, 0, 3] == 0 and tuple(opened[0, 7]) == (255, 255, 255, 255)


def test_jpeg_in_cmyk_with_a_profile_of_another_space_is_read(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", icc_profile=rgb_profile("adobe_rgb"))
    assert np.abs(np.asarray(open_rgb(tmp_path / "a.jpg")).astype(int) - (255, 0, 0)).max() <= 3


def test_names_of_every_kind_are_pictures(tmp_path):
    from capture.io.images import is_image

    for name in ("a.jfif", "a.avif", "a.JPE", "a.apng", "a.pgm", "a.dib"):
        assert is_image(tmp_path / name)
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (9, 9, 9)).save(buffer, "JPEG")
    (tmp_path / "a.jfif").write_bytes(buffer.getvalue())
    assert open_rgb(tmp_path / "a.jfif").size == (4, 4)
