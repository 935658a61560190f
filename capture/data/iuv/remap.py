"""Other names for points of surfaces: what IUV maps call them by bones, or after a look in the mirror.

Names are those of toon's maps: a part (PARTS of capture.data.toon.characters.solids), and u, v in the square of that
part, which is divided into cells, one for each of the solids that the part is made of.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from capture.data.toon.characters.solids import PARTS, SLOT_GRID

LEVELS = np.arange(256)


@dataclass(frozen=True)
class Renaming:
    """part (256): the new number of each part.  u, v (256, 256): new coordinates, by old part and old coordinate."""

    part: np.ndarray
    u: np.ndarray
    v: np.ndarray

    def __call__(self, uv: np.ndarray) -> np.ndarray:
        """uint8 (3, ...) -> uint8 (3, ...)."""
        part, u, v = uv
        return np.stack((self.part[part], self.u[part, u], self.v[part, v]))


def identity() -> Renaming:
    """Everything keeps its name; for others to begin with."""
    part, level = LEVELS.astype(np.uint8), np.tile(LEVELS.astype(np.uint8), (256, 1))
    return Renaming(part, level, level.copy())


def in_cell(level: np.ndarray, cell: int, grid: int) -> np.ndarray:
    """Coordinates 0..255 across a part's square -> across one cell of `grid` in a row, as render writes them."""
    return np.rint((np.minimum(level / 255, 0.9999) + cell) / grid * 255).astype(np.uint8)


@functools.cache
def in_mirror() -> Renaming:
    """Of what a mirror shows: left parts are right ones, and u runs the other way around each solid.

    Solids keep their cells, so that the left ear and the right one, which are one part, change places: all pictures of
    a sample are mirrored, and agree.
    """
    new = identity()
    for i, name in enumerate(PARTS):
        if name[:2] in ("l_", "r_"):
            new.part[i + 1] = PARTS.index({"l_": "r_", "r_": "l_"}[name[:2]] + name[2:]) + 1
        grid = int(SLOT_GRID[i])
        cell = np.minimum(LEVELS * grid // 255, grid - 1)
        first, after = -(-255 * cell // grid), -(-255 * (cell + 1) // grid)  # levels of the cell, 255 of the last one
        new.u[i + 1] = np.clip((2 * cell + 1) * 255 // grid - LEVELS, first, np.where(cell < grid - 1, after - 1, 255))
    return new
