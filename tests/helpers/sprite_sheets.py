"""Tiny pixel-art sheets whose cells say what they are: blocks in the character's colour, each of a size of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CELL = 8
COLUMNS, ROWS = 3, 2
LAYOUT = """
sheets:
  - cell: [8, 8]
    grid: [3, 2]
    directions: {front: 0, right: 1}
    mirrored: {left: right}
    clips:
      walk: {columns: [0, 1]}
      punch: {columns: [2]}
"""


def draw_cell(colour: tuple[int, int, int], column: int, row: int, lift: int = 0) -> np.ndarray:
    """uint8 (8, 8, 4): a block from the left edge, 2 + column wide and 3 + row high, `lift` above its lowest row."""
    cell = np.zeros((CELL, CELL, 4), np.uint8)
    cell[7 - lift - 3 - row : 7 - lift, 1 : 3 + column] = (*colour, 255)
    return cell


def draw_block(colour: tuple[int, int, int]) -> np.ndarray:
    """uint8 (16, 24, 4): a character's cells."""
    return np.concatenate(
        [np.concatenate([draw_cell(colour, c, r) for c in range(COLUMNS)], axis=1) for r in range(ROWS)]
    )


def colour_of(number: int) -> tuple[int, int, int]:
    return (20 * number, 250 - 20 * number, 60)


def write_sheets(folder: Path, count: int = 10) -> Path:
    """Write sheets of one character each, hero_00.png, ..., and beside the folder their layout file; the latter."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(draw_block(colour_of(number))).save(folder / f"hero_{number:02d}.png")
    layout = folder.parent / "layout.yaml"
    layout.write_text(LAYOUT)
    return layout
