"""Pixel art: found where it is, nowhere else, and made of what is rendered of it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.drawing import cut_drawing
from capture.inference.pixel_art import (
    Grid,
    PixelArt,
    Pixels,
    find_ink,
    find_pixel_art,
    look_for_pixel_art,
    nearest_colours,
    snap,
)
from capture.inference.window import Window
from tests.conftest import ROOT
from tests.helpers.make_figures import person, place

COLOURS = np.array([(20, 16, 30), (220, 40, 60), (250, 210, 170), (60, 90, 200)], np.uint8)


def sprite(width: int = 16, height: int = 24) -> Image.Image:
    """RGBA: a figure of four colours, one pixel each, transparent around it."""
    pixels = np.zeros((height, width, 4), np.uint8)
    for x, y in np.ndindex(width, height):
        if abs(x - width / 2 + 0.5) < 2 + 4 * np.sin(3 * (y + 1) / height) ** 2:
            pixels[y, x] = (*COLOURS[(x * x + y // 2) % len(COLOURS)], 255)
    return Image.fromarray(pixels)


def enlarged(image: Image.Image, cell: int) -> Image.Image:
    return image.resize((image.width * cell, image.height * cell), Image.Resampling.NEAREST)


def as_jpeg(image: Image.Image) -> Image.Image:
    data = io.BytesIO()
    place([(image, (0, 0))], (235, 235, 235), image.size).save(data, "JPEG", quality=95)
    return Image.open(data).convert("RGB")


class TestFindPixelArt:
    @pytest.mark.parametrize("cell", [1, 2, 5, 16])
    def test_squares_and_colours_are_found(self, cell):
        found = find_pixel_art(enlarged(sprite(), cell))
        assert found is not None and (found.cell, found.corner) == (cell, (0, 0))
        assert {tuple(one) for one in found.palette} == {tuple(one) for one in COLOURS}

    def test_a_grid_may_begin_anywhere(self):
        picture = place([(enlarged(sprite(), 5), (13, 22))], (10, 120, 90), (120, 160))
        found = find_pixel_art(picture)
        assert found is not None and (found.cell, found.corner) == (5, (3, 2)) and len(found.palette) == 5

    @pytest.mark.parametrize(
        "image",
        [person(200), person(64), person(200, outline=None), enlarged(person(64), 3), as_jpeg(enlarged(sprite(), 5)),
         enlarged(sprite(), 4).resize((70, 100), Image.Resampling.BILINEAR), Image.new("RGB", (64, 64), (9, 9, 9)),
         enlarged(sprite(), 5).rotate(3), enlarged(sprite(120, 120), 1),
         Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8))],
        ids=["drawing", "small", "flat", "enlarged drawing", "jpeg", "resized", "blank", "turned", "large", "noise"],
    )  # fmt: skip
    def test_nothing_else_is_pixel_art(self, image):
        assert find_pixel_art(image) is None

    def test_drawings_of_this_project_are_none(self):
        for path in sorted((ROOT / "examples").glob("*.png")):
            assert find_pixel_art(Image.open(path).convert("RGBA")) is None, path

    def test_what_is_chosen(self):
        drawing, path = person(64), Path("hero.png")
        assert look_for_pixel_art(drawing, "auto", path) is None and look_for_pixel_art(sprite(), "off", path) is None
        forced = look_for_pixel_art(drawing, "on", path)
        assert forced is not None and forced.cell == 1 and len(forced.palette) <= 128
        with pytest.raises(CaptureError, match="hero.png: --pixel_art on: too little is drawn"):
            look_for_pixel_art(Image.new("RGB", (64, 64)), "on", path)


class TestGrid:
    ART = PixelArt(5, (3, 2), COLOURS, (20, 20))

    def test_a_cell_is_a_whole_number_of_pixels(self):
        """A window of 100 pixels, of which a cell has five, begins two pixels into a cell, and three."""
        grid = Grid.of(self.ART, Window(10, 14, 100, (120, 160)), 200)
        assert (grid.cell, grid.side, grid.phase, grid.fine) == (10, 200, (6, 6), 1)
        assert grid.shown_at(100) == 5.0

    @pytest.mark.parametrize(("resolution", "cell", "side"), [(128, 6, 120), (32, 2, 40), (20, 1, 20), (7, 1, 20)])
    def test_the_size_is_the_nearest_that_there_is(self, resolution, cell, side):
        grid = Grid.of(self.ART, Window(3, 2, 100, (120, 160)), resolution)
        assert (grid.cell, grid.side, grid.phase) == (cell, side, (0, 0)) and grid.cell * grid.fine >= 6

    @pytest.mark.parametrize("size", [(77, 29), (69, 36), (51, 50)])
    @pytest.mark.parametrize("resolution", [128, 133, 512])
    def test_every_square_of_the_drawing_is_one_of_the_result(self, size, resolution):
        """Also where the result is not exactly as large as the drawing."""
        width, height = size
        rng = np.random.default_rng(0)
        pixels = np.dstack([COLOURS[rng.integers(0, 4, (height, width))], np.full((height, width), 255, np.uint8)])
        image = Image.new("RGBA", (width + 40, height + 60))
        image.paste(Image.fromarray(pixels), (17, 23))
        art = PixelArt(1, (0, 0), COLOURS, size)
        window = Window(3.3, 1.7, width + 27.6, image.size)
        grid = Grid.of(art, window, resolution)
        shown = grid.window(art, window)
        assert abs(shown.side - window.side) <= 2 and abs(shown.x - window.x) <= 2 and abs(shown.y - window.y) <= 2
        drawing = cut_drawing(image, shown, grid.side * grid.fine, Image.Resampling.NEAREST)
        made = snap(drawing.figure, Pixels(grid, COLOURS))
        rows, columns = np.nonzero(made[..., 3])
        box = made[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert np.array_equal(box[:: grid.cell, :: grid.cell], pixels)
        assert box.shape[:2] == (height * grid.cell, width * grid.cell)

    def test_cells_of_large_results_are_decided_in_fewer_pixels(self):
        art = PixelArt(1, (0, 0), COLOURS, (900, 900))
        grid = Grid.of(art, Window.whole(1800, 1800), 512)
        assert (grid.cell, grid.side, grid.fine) == (1, 1800, 2)


class TestSnap:
    @pytest.mark.parametrize("phase", [(0, 0), (2, 3)])
    def test_pixel_art_stays_as_it_is(self, phase):
        """Also where the picture begins within a cell."""
        art = enlarged(sprite(), 4).crop((*((4 - one) % 4 for one in phase), 64, 96)).crop((0, 0, 60, 60))
        fine = np.asarray(enlarged(art, 2))
        assert np.array_equal(snap(fine, Pixels(Grid(4, phase, 60, 2), COLOURS)), np.asarray(art))

    def test_mixed_colours_and_soft_edges_become_those_of_the_drawing(self):
        """Four cells in a row are covered, and the fifth by less than half."""
        fine = np.zeros((48, 48, 4), np.uint8)
        fine[8:40, 8:42] = (200, 60, 70, 255)
        fine[8:40, 42:45] = (200, 60, 70, 90)
        fine[16:20, 8:40] = (30, 30, 40, 255)
        made = snap(fine, Pixels(Grid(8, (0, 0), 48, 1), COLOURS))
        assert {tuple(one) for one in made.reshape(-1, 4)} <= {(0, 0, 0, 0), (220, 40, 60, 255), (20, 16, 30, 255)}
        assert (made[12, ::8, 3] > 0).tolist() == [False, True, True, True, True, False]

    def test_a_cell_has_the_colour_in_its_middle(self):
        """Enlarging blurs the borders of cells: most of this one has another colour, or is clear."""
        figure = np.zeros((24, 24, 4), np.uint8)
        figure[...] = (*COLOURS[1], 255)
        figure[9:15, 9:15, :3] = COLOURS[3]
        figure[:9, :9, 3] = 0
        figure[2:6, 2:6, 3] = 255
        made = snap(figure, Pixels(Grid(8, (0, 0), 24, 1), COLOURS))
        assert (made[8:16, 8:16, :3] == COLOURS[3]).all() and (made[:8, :8, 3] == 255).all()
        assert (made[16:, :, :3] == COLOURS[1]).all()

    def test_the_line_around_the_drawing_is_drawn_again(self):
        """Around a red figure of 6 x 6 cells with a line; what is rendered of it has lost the line."""
        grid, drawing = Grid(8, (0, 0), 80, 1), np.zeros((80, 80, 4), np.uint8)
        drawing[16:64, 16:64] = (20, 16, 30, 255)
        drawing[24:56, 24:56] = (220, 40, 60, 255)
        ink = find_ink(drawing, grid, COLOURS)
        assert ink is not None and ink.tolist() == [20, 16, 30]
        moved = np.zeros_like(drawing)
        moved[24:72, 8:64] = (220, 40, 60, 255)
        made = snap(moved, Pixels(grid, COLOURS, ink))[::8, ::8]
        assert made[3, 1:8].tolist() == [[20, 16, 30, 255]] * 7 and made[4, 2:7].tolist() == [[220, 40, 60, 255]] * 5

    def test_a_drawing_without_a_line_or_of_one_colour_gets_none(self):
        grid, drawing = Grid(8, (0, 0), 80, 1), np.zeros((80, 80, 4), np.uint8)
        drawing[16:64, 16:64] = (220, 40, 60, 255)
        assert find_ink(drawing, grid, COLOURS) is None
        drawing[16:40, 16:64] = (60, 90, 200, 255)
        assert find_ink(drawing, grid, COLOURS) is None

    def test_colours_are_compared_as_they_look(self):
        assert nearest_colours(np.array([[(230, 60, 70), (0, 0, 0), (240, 220, 180)]], np.uint8), COLOURS).tolist() == [
            [1, 0, 2]
        ]
