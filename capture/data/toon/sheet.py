"""Contact sheets for people to look at: `python -m capture.data.toon.sheet docs` writes toon.png, toon_animals.png,
toon_clips.png and toon_styles.png."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from capture.data.styles.style import KINDS, draw_style
from capture.data.toon.characters.quadrupeds import FIRST_SEED
from capture.data.toon.dataset import ToonStream
from capture.data.toon.motion.mixed_motions import JOIN, QUADRUPED
from capture.data.toon.motion.motions import CLIPS, VARIED
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.data.toon.styles.drawing import render_styled
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


def animals(columns: int = 10, rows: int = 4, size: int = 128) -> np.ndarray:
    """Animals on four legs, each in a pose of its own, from all sides."""
    azimuths = (45, -45, 90, 0, -90, 70, 20, 150, -130, 110)
    shots = [
        Shot(FIRST_SEED + i, JOIN.join(("walk", "walk", QUADRUPED)), i, 0.3, View(azimuths[i % len(azimuths)]))
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


def styles(rows: int = 5, size: int = 128, seed: int = 2) -> np.ndarray:
    """A column for each kind of style: characters in it, each row another style of the kind; then pairs.

    The last two rows are four training samples: identity, real, pose, target, and the map of the target.
    """
    kinds = list(KINDS["many"])
    pictures = []
    for row in range(rows):
        for column, kind in enumerate(kinds):
            style = draw_style(np.random.default_rng([seed, row, column]), kind=kind)
            number = row * len(kinds) + column
            shot = Shot(number, VARIED[(number * 7) % len(VARIED)], number, 0.3, View((0, 25, -30, 40)[number % 4]))
            shots = [
                shot,
                replace(shot, clip="idle", character_seed=number + 100),
            ]  # a palette has more than one figure
            pictures.append(render_styled(shots, size, [style] * 2)["rgb"][:1])
    sheet = grid(torch.cat(pictures), len(kinds))
    stream = ToonStream(size, seed=seed, views="front", uv=True, styles="many")
    batch = stream.batch(range(4))
    maps = batch["target_uv"] * torch.tensor([10, 1, 1], dtype=torch.uint8).view(1, 3, 1, 1)
    pairs = torch.stack([*(batch[role] for role in ("identity", "real", "pose", "target")), maps], 1).flatten(0, 1)
    return np.concatenate((sheet, grid(pairs, len(kinds))))


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    write_png(folder / "toon.png", people())
    write_png(folder / "toon_animals.png", animals())
    write_png(folder / "toon_clips.png", clips())
    write_png(folder / "toon_styles.png", styles())
