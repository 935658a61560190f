"""Renumbering of IUV maps: from the part numbers and u, v coordinates of one vocabulary to those of another.

The vocabulary that all datasets share is that of capture.io.iuv.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = np.arange(256)


@dataclass(frozen=True)
class Renumbering:
    """A table for each channel of a map.

    Attributes:
        part: (256,) the new number of each part.
        u, v: (256, 256) the new coordinates, by old part and old coordinate.
    """

    part: np.ndarray
    u: np.ndarray
    v: np.ndarray

    def __call__(self, iuv: np.ndarray) -> np.ndarray:
        """Renumber a map: uint8 (3, ...) -> uint8 (3, ...)."""
        part, u, v = iuv
        return np.stack((self.part[part], self.u[part, u], self.v[part, v]))


def identity() -> Renumbering:
    """The renumbering that changes nothing, as a start for others."""
    part, level = LEVELS.astype(np.uint8), np.tile(LEVELS.astype(np.uint8), (256, 1))
    return Renumbering(part, level, level.copy())


def in_cell(level: np.ndarray, cell: int, grid: int) -> np.ndarray:
    """Coordinates 0..255 across a part's square -> across one cell of `grid` cells, as toon renders them."""
    return np.rint((np.minimum(level / 255, 0.9999) + cell) / grid * 255).astype(np.uint8)
