"""Contact sheets for people to look at: `python -m capture.data.toon.sheet docs` writes toon.png and toon_clips.png."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from torch import Tensor

from capture.data.toon.motion.motions import CLIPS, VARIED
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.data.writing import write_png


def grid(images: Tensor, columns: int) -> np.ndarray:
    """uint8 (N, 3, S, S) -> one picture (rows * S, columns * S, 3)."""
    count, channels, size, _ = images.shape
    rows = count // columns
    tiled = images[: rows * columns].reshape(rows, columns, channels, size, size).permute(0, 3, 1, 4, 2)
    return tiled.reshape(rows * size, columns * size, channels).numpy()


def people(columns: int = 10, rows: int = 6, size: int = 128, first: int = 0) -> np.ndarray:
    """Characters in mixed clips, mostly from where their faces are seen."""
    azimuths = (0, 30, -40, 15, 90, -20, 50, 180, -75, 25, 0, 140)
    shots = [
        Shot(first + i, VARIED[(i * 7) % len(VARIED)], i, (i * 0.37) % 1, View(azimuths[i % len(azimuths)]))
        for i in range(columns * rows)
    ]
    return grid(render(shots, size)["rgb"], columns)


def clips(columns: int = 10, size: int = 72) -> np.ndarray:
    """One row a clip, time from left to right; two clips side by side."""
    shots = []
    for i, name in enumerate(CLIPS):
        shots += [Shot(12 + 5 * i, name, 3, k / columns, View((25, -35)[i % 2])) for k in range(columns)]
    if len(CLIPS) % 2:
        shots += shots[-columns:]
    return grid(render(shots, size)["rgb"], 2 * columns)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    write_png(folder / "toon.png", people())
    write_png(folder / "toon_clips.png", clips())
