"""Where the character is: by colour, by mask file, and in padded pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.metrics.foreground import differs_from_background, find_mask, load_foreground


def figure(height: int = 40, width: int = 40, background: int = 255) -> np.ndarray:
    picture = np.full((height, width, 3), background, np.uint8)
    picture[10:30, 12:20] = (200, 30, 60)
    return picture


class TestForeground:
    @pytest.mark.parametrize("background", [255, 0, 128])
    def test_foreground_by_background_colour(self, background: int) -> None:
        expected = np.zeros((40, 40), bool)
        expected[10:30, 12:20] = True
        assert np.array_equal(differs_from_background(figure(background=background)), expected)

    def test_noise_of_compression_is_background_and_a_figure_may_touch_the_border(self) -> None:
        picture = figure(background=230).astype(int) + np.random.default_rng(0).integers(-3, 4, (40, 40, 3))
        picture[30:, 12:20] = (200, 30, 60)
        mask = differs_from_background(picture.clip(0, 255).astype(np.uint8))
        assert mask[10:, 12:20].all() and mask.sum() == 30 * 8

    def test_pictures_without_one_background_colour(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        assert differs_from_background(noise) is None
        Image.fromarray(noise).save(tmp_path / "a.png")
        assert load_foreground(tmp_path / "a.png", 32) is None


class TestForegroundOfFiles:
    def test_padding_is_background_whatever_the_pictures_own(self, tmp_path: Path) -> None:
        """A tall picture on grey is padded left and right with white: neither is foreground."""
        Image.fromarray(figure(40, 20, background=128)[:, :, ::-1]).save(tmp_path / "a.png")
        mask = load_foreground(tmp_path / "a.png", 40)[0].numpy()
        expected = np.zeros((40, 40), bool)
        expected[10:30, 10 + 12 : 10 + 20] = True
        assert np.array_equal(mask, expected)
        half = load_foreground(tmp_path / "a.png", 20)[0].numpy()
        assert half.sum() == 10 * 4

    def test_a_mask_file_decides(self, tmp_path: Path) -> None:
        (tmp_path / "imgs").mkdir()
        (tmp_path / "mask").mkdir()
        target = tmp_path / "imgs" / "a.jpg"
        Image.fromarray(figure()).save(target, quality=95)
        assert find_mask(target) is None
        mask = np.zeros((40, 40), np.uint8)
        mask[:5] = 255
        Image.fromarray(mask).save(tmp_path / "mask" / "a.png")
        assert find_mask(target) == tmp_path / "mask" / "a.png"
        assert np.array_equal(load_foreground(target, 40)[0].numpy(), mask > 0)

    def test_a_mask_of_another_size(self, tmp_path: Path) -> None:
        for folder, size in (("imgs", 40), ("mask", 39)):
            (tmp_path / folder).mkdir()
            Image.new("L", (size, size)).save(tmp_path / folder / "a.png")
        with pytest.raises(CaptureError, match="mask.a.png: 39x39, but its picture a.png is 40x40"):
            load_foreground(tmp_path / "imgs" / "a.png", 40)
