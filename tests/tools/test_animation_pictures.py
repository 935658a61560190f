"""The drawings of six styles, and the sheets of what is made of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from capture.inference.figure import find_figures
from capture.inference.frames import Frames
from capture.inference.pixel_art import find_pixel_art
from tools import animation_pictures
from tools.drawings import DRAWINGS, write_drawings


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    return write_drawings(tmp_path_factory.mktemp("drawings"))


def test_drawings_are_the_same_on_every_run():
    assert np.array_equal(DRAWINGS["flat"](), DRAWINGS["flat"]())


def test_each_drawing_is_one_figure_on_the_ground_that_it_is_said_to_have(drawings):
    clear = {"outlined", "pixel"}
    for path in drawings:
        picture = Image.open(path)
        assert picture.mode == ("RGBA" if path.stem in clear else "RGB")
        figures = find_figures(picture).figures
        height = figures[0].box[3] - figures[0].box[1]
        assert height > 0.7 * picture.height and sum(one.area > 0.2 * figures[0].area for one in figures) == 1, path


def test_only_the_pixel_art_is_pixel_art(drawings):
    assert [path.stem for path in drawings if find_pixel_art(Image.open(path))] == ["pixel"]
    assert find_pixel_art(Image.open(next(path for path in drawings if path.stem == "pixel"))).cell == 14


def test_sheets_have_a_row_for_each_drawing_and_two_sides_in_a_row(drawings):
    """A pipeline that gives pictures of one colour, which is told by the motion and the direction."""
    asked = []

    def pipeline(drawing, motion, frames, direction, background):
        asked.append((motion, direction, background))
        return Frames(
            [Image.new("RGBA", (40, 40), (10 * i, 0, 0, 255)) for i in range(frames)], list(range(frames + 1))
        )

    side = animation_pictures.CELL
    made = animation_pictures.styles(pipeline, drawings[:2])
    assert made.shape == (2 * side, 9 * side, 3) and {one[2] for one in asked} == {"transparent"}
    assert [int(made[side // 2, (k + 1) * side + side // 2, 0]) for k in range(8)] == 2 * [0, 30, 60, 90]
    assert animation_pictures.directions(pipeline, drawings[0]).shape == (4 * side, 8 * side, 3)


def test_clear_parts_are_chequered():
    shown = np.asarray(animation_pictures.on_squares(Image.new("RGBA", (30, 60)), 64))
    assert set(np.unique(shown)) == {232, 255}
