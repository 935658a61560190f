"""Frames for tests of writers: a shape that moves, opaque or on a transparent ground."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

GROUND = (235, 235, 235)


def moving_square(count: int, alpha: bool, width: int = 40, height: int = 30) -> list[np.ndarray]:
    """uint8 (height, width, 3), or (height, width, 4): a square of four flat colours that moves to the right.

    With alpha, its upper edge is a quarter opaque and its lower edge three quarters.
    """
    frames = []
    for i in range(count):
        colours = np.zeros((height, width, 3), np.uint8) if alpha else np.full((height, width, 3), GROUND, np.uint8)
        left = 2 + 3 * i
        colours[6:12, left : left + 6], colours[6:12, left + 6 : left + 12] = (200, 30, 30), (30, 160, 60)
        colours[12:18, left : left + 6], colours[12:18, left + 6 : left + 12] = (30, 60, 200), (240, 220, 40)
        if not alpha:
            frames.append(colours)
            continue
        cover = np.zeros((height, width, 1), np.uint8)
        cover[6:18, left : left + 12] = 255
        cover[6, left : left + 12], cover[17, left : left + 12] = 64, 191
        frames.append(np.concatenate([colours, cover], -1))
    return frames


def write_all(context: contextlib.AbstractContextManager, frames: Sequence[np.ndarray]) -> None:
    """Give all frames to a writer."""
    with context as write:
        for frame in frames:
            write(frame)
