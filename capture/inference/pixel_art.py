"""Pixel art: found in an identity's picture by its grid and its few colours, and made of what is rendered of it.

A picture is pixel art where squares of one size and few colours make it up: a small drawing enlarged without
interpolation, or a small drawing. What is drawn of such a character is put on squares of the same size, each of one of
the drawing's colours, and each wholly there or not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from capture.common.errors import CaptureError
from capture.inference.window import Window
from capture.metrics.oklab import oklab

CHOICES = AUTO, ON, OFF = "auto", "on", "off"
MOST_COLOURS, MOST_SMALL_COLOURS = 128, 64  # the second where pixels are not enlarged
LEAST_CELLS = 6  # visible cells for each colour: the edges of a smooth drawing have a colour for every pixel
MOST_ALPHAS = 3  # clear, opaque, and a shadow
LEAST_EDGES = 8  # rows, and columns, at which something changes
MOST_CELLS, MOST_SMALL_CELLS = 256, 96  # that a figure is high or wide; the second where pixels are not enlarged
INKED = 0.6  # of the cells at a figure's edge have the ink's colour
FINE = 6  # pixels of a cell's side, at least, in which cells are decided
FINEST = 4096  # pixels of the side of the picture in which cells are decided, at most
MIDDLE = 0.2  # of a cell's side: in this square colours are not yet mixed with those of the cells around


@dataclass(frozen=True, eq=False)
class PixelArt:
    """The grid and the colours of a picture.

    Attributes:
        cell: side of the squares in the picture's pixels.
        corner: x and y of the upper left corner of one of them, each below `cell`.
        palette: the colours, uint8 (K, 3).
        extent: how many cells wide and high the part is in which anything changes.
    """

    cell: int
    corner: tuple[int, int]
    palette: np.ndarray
    extent: tuple[int, ...]

    def __str__(self) -> str:
        squares = "its pixels" if self.cell == 1 else f"squares of {self.cell} x {self.cell} pixels"
        return f"pixel art of {len(self.palette)} colours in {squares}"


@dataclass(frozen=True)
class Grid:
    """Cells in a result of R x R pixels, which shows a window of the identity's picture.

    Attributes:
        cell: side of a cell in the result's pixels.
        phase: x and y at which the first whole cell begins, each below `cell`.
        side: R, even.
        fine: how many times as large as the result the picture is that the cells are made of.
    """

    cell: int
    phase: tuple[int, int]
    side: int
    fine: int

    @classmethod
    def of(cls, art: PixelArt, window: Window, resolution: int) -> Grid:
        """The grid whose side is nearest to `resolution`, with a whole number of pixels for each cell."""
        cells = window.side / art.cell
        cell = max(round(resolution / cells), 1)
        side = round(cells * cell)
        side += side % 2
        x, y = (
            round((corner - start) * cell / art.cell) % cell
            for corner, start in zip(art.corner, _starts(window, side * art.cell / cell))
        )
        return cls(cell, (x, y), side, max(min(math.ceil(FINE / cell), FINEST // side), 1))

    def window(self, art: PixelArt, window: Window) -> Window:
        """The part of the picture that the result shows when its squares are the picture's: nearly `window`."""
        scale = art.cell / self.cell  # the picture's pixels in one of the result's
        firsts = [corner - phase * scale for corner, phase in zip(art.corner, self.phase)]
        starts = _starts(window, self.side * scale)
        x, y = (first + art.cell * round((start - first) / art.cell) for first, start in zip(firsts, starts))
        return Window(x, y, self.side * scale, window.picture)

    def shown_at(self, size: int) -> float:
        """The side of a cell where the whole result has `size` x `size` pixels, in those pixels."""
        return self.cell * size / self.side


def _starts(window: Window, side: float) -> tuple[float, float]:
    """x and y of a square of another side around the middle of a window."""
    beyond = (side - window.side) / 2
    return window.x - beyond, window.y - beyond


@dataclass(frozen=True, eq=False)
class Pixels:
    """What results of one character are made of: cells, colours uint8 (K, 3), and the colour (3,) of the line around
    the figure, or None."""

    grid: Grid
    palette: np.ndarray
    ink: np.ndarray | None = None


def look_for_pixel_art(image: Image.Image, choice: str, path: Path) -> PixelArt | None:
    """Pixel art as --pixel_art chooses: auto where it is some, on in any case, off never.

    Raises:
        CaptureError: on, and nothing is drawn in the picture, which `path` names.
    """
    if choice == OFF:
        return None
    if choice == AUTO:
        return find_pixel_art(image)
    art = find_grid(image)
    if art is None:
        raise CaptureError(f"{path}: --pixel_art on: too little is drawn to tell its pixels; leave the option out")
    return art


def find_pixel_art(image: Image.Image) -> PixelArt | None:
    """The grid and the palette of a picture, RGB or RGBA; None where it is no pixel art."""
    art = find_grid(image, MOST_COLOURS)
    if art is None:
        return None
    cells = _cells(_pixels(image), art)
    few = min(MOST_COLOURS if art.cell > 1 else MOST_SMALL_COLOURS, int((cells[:, 3] >= 128).sum()) // LEAST_CELLS)
    small = max(art.extent) <= (MOST_CELLS if art.cell > 1 else MOST_SMALL_CELLS)
    return art if small and len(art.palette) <= few and len(np.unique(cells[:, 3])) <= MOST_ALPHAS else None


def find_grid(image: Image.Image, most_colours: int | None = None) -> PixelArt | None:
    """The largest squares, all of one size, that a picture is made of, which may be its pixels; None where too little
    is drawn, or with more than `most_colours`."""
    pixels = _pixels(image)
    edges = [1 + np.flatnonzero(_changes(pixels, axis)) for axis in (1, 0)]  # columns, rows
    if min(map(len, edges)) < LEAST_EDGES:
        return None
    cell = math.gcd(*(int(np.gcd.reduce(np.diff(where))) for where in edges))
    extent = tuple(int(np.ptp(where)) // cell for where in edges)
    art = PixelArt(cell, (int(edges[0][0]) % cell, int(edges[1][0]) % cell), np.zeros((0, 3), np.uint8), extent)
    cells = _cells(pixels, art)
    palette = np.unique(cells[cells[:, 3] >= 128, :3], axis=0)
    if len(palette) < 2 or (most_colours is not None and len(palette) > most_colours):
        return None
    return replace(art, palette=palette if len(palette) <= MOST_COLOURS else _reduced(palette))


def snap(figure: np.ndarray, pixels: Pixels) -> np.ndarray:
    """A figure, uint8 (F, F, 4) with straight alpha and F = side * fine, on the grid: uint8 (side, side, 4).

    Cells are decided in their middle: a cell is there where more than half of that is covered, and has the colour of
    the palette that most of it is nearest to. Cells at the edge of the figure have the ink, where there is one.
    """
    grid = pixels.grid
    cells = _to_cells(figure, grid, pixels.palette)
    if pixels.ink is not None:
        cells[_at_edge(cells), :3] = pixels.ink
    large = cells.repeat(grid.cell, 0).repeat(grid.cell, 1)
    x, y = ((grid.cell - phase) % grid.cell for phase in grid.phase)
    return large[y : y + grid.side, x : x + grid.side]


def find_ink(drawing: np.ndarray, grid: Grid, palette: np.ndarray) -> np.ndarray | None:
    """The colour, uint8 (3,), of the cells at the edge of a drawing, uint8 (F, F, 4) with straight alpha, where most of
    them have one colour and most of the others another: the line around the drawing. None where it has none."""
    cells = _to_cells(drawing, grid, palette)
    edge = _at_edge(cells)
    inside = (cells[..., 3] > 0) & ~edge
    if not edge.any() or not inside.any():
        return None
    colours, counts = np.unique(cells[edge][:, :3], axis=0, return_counts=True)
    ink = colours[counts.argmax()]
    elsewhere = (cells[inside][:, :3] == ink).all(1).mean()
    return np.asarray(ink) if counts.max() > INKED * edge.sum() and elsewhere < 1 - INKED else None


def _to_cells(figure: np.ndarray, grid: Grid, palette: np.ndarray) -> np.ndarray:
    """The cells of a figure, uint8 (rows, columns, 4), the first ones cut off by the grid's phase; see `snap`."""
    size = grid.cell * grid.fine
    before = [(size - phase * grid.fine) % size for phase in grid.phase]  # x, y: part of a cell
    columns, rows = (math.ceil((figure.shape[0] + extra) / size) for extra in before)
    around = [(before[k], count * size - before[k] - figure.shape[0]) for k, count in ((1, rows), (0, columns))]
    padded = np.pad(figure, [*around, (0, 0)], mode="edge")
    edge = round(size * (1 - MIDDLE) / 2)
    middles = padded.reshape(rows, size, columns, size, 4)[:, edge : size - edge, :, edge : size - edge]
    cells = middles.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1, 4)
    there = cells[..., 3].mean(1) > 127.5
    made = np.zeros((len(cells), 4), np.uint8)
    if there.any():
        inside = cells[there]
        votes = np.zeros((len(inside), len(palette)))
        np.add.at(votes, (np.arange(len(inside))[:, None], nearest_colours(inside[..., :3], palette)), inside[..., 3])
        made[there, :3], made[there, 3] = palette[votes.argmax(1)], 255
    return made.reshape(rows, columns, 4)


def _at_edge(cells: np.ndarray) -> np.ndarray:
    """Which cells (rows, columns) are there and have one beside them, above or below that is not."""
    there = cells[..., 3] > 0
    return np.asarray(there & ~ndimage.binary_erosion(there, border_value=1))


def nearest_colours(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The number of the palette's colour that looks nearest, int64 (...), of uint8 colours (..., 3)."""
    distinct, where = np.unique(colours.reshape(-1, 3), axis=0, return_inverse=True)
    seen, known = (oklab(torch.from_numpy(one).float() / 255) for one in (distinct, palette))
    return np.asarray(torch.cdist(seen, known).argmin(1).numpy()[where.reshape(colours.shape[:-1])])


def _pixels(image: Image.Image) -> np.ndarray:
    """uint8 (H, W, 4), in which all that is clear is the same."""
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def _cells(pixels: np.ndarray, art: PixelArt) -> np.ndarray:
    """The colour of each cell, uint8 (N, 4)."""
    return pixels[art.corner[1] :: art.cell, art.corner[0] :: art.cell].reshape(-1, 4)


def _reduced(palette: np.ndarray) -> np.ndarray:
    """As few colours as palettes have."""
    quantised = Image.fromarray(palette[None]).quantize(MOST_COLOURS, Image.Quantize.MEDIANCUT)
    return np.unique(np.asarray(quantised.convert("RGB"))[0], axis=0)


def _changes(pixels: np.ndarray, axis: int) -> np.ndarray:
    """Whether anything changes between each row (axis 0) or column (axis 1) and the next."""
    others = tuple(other for other in range(3) if other != axis)
    return np.asarray(np.any(np.diff(pixels.astype(np.int16), axis=axis) != 0, axis=others))
