"""The factor by which sprites are enlarged, and where they stand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.sprites.framing import Extent, Framing
from tests.helpers.sprite_sheets import draw_cell

RED = (200, 20, 20)


def image(*cell) -> Image.Image:
    return Image.fromarray(draw_cell(RED, *cell))


def rows(picture: Image.Image) -> tuple[int, int]:
    """The first row of a picture's figure, and the row below it."""
    found = np.flatnonzero(np.asarray(picture)[..., 3].any(1))
    return int(found[0]), int(found[-1]) + 1


class TestFraming:
    def test_extent(self):
        assert Extent.of(image(1, 1)) == Extent(3, 5, 1)

    def test_enlarged_by_an_integer_without_interpolation(self):
        framing = Framing.fit(50, {"a": [Extent.of(image(2, 1))]})
        placed = np.asarray(framing.place("a", image(2, 1)))
        assert framing.scale == 8 and placed.shape == (50, 50, 4)
        assert {tuple(colour) for colour in placed.reshape(-1, 4)} == {(*RED, 255), (0, 0, 0, 0)}
        assert (placed[..., 3] > 0).sum() == 8 * 8 * 4 * 4

    def test_the_feet_of_all_characters_are_on_one_row_and_jumps_stay_jumps(self):
        low, high, jump = image(0, 0), image(0, 0, 2), image(0, 1, 1)
        framing = Framing.fit(64, {"low": [Extent.of(low)] * 2 + [Extent.of(jump)], "high": [Extent.of(high)]})
        floor = rows(framing.place("low", low))[1]
        assert floor == rows(framing.place("high", high))[1] == framing.ground
        assert rows(framing.place("low", jump))[1] == floor - framing.scale

    def test_the_ground_is_that_of_rendered_datasets_where_there_is_room(self):
        framing = Framing.fit(100, {"a": [Extent(20.0, 10, 0)]})
        assert framing.scale == 2 and framing.ground == 86
        assert Framing.fit(100, {"a": [Extent(3.0, 10, 0)]}).ground == 95  # a figure of 90 rows, in the middle

    def test_a_rim_is_left_unless_that_costs_more_than_a_quarter_of_the_size(self):
        assert Framing.fit(128, {"a": [Extent(5.0, 32, 0)]}).scale == 3  # not 4, which would touch the border
        assert Framing.fit(128, {"a": [Extent(5.0, 64, 0)]}).scale == 2  # not 1

    def test_too_small_pictures(self):
        with pytest.raises(CaptureError, match="--size 30: figures take 40 pixels"):
            Framing.fit(30, {"a": [Extent(5.0, 40, 0)]})
