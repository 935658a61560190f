"""Dark outlines: around the figure, where one part of it is in front of another, and along sharp edges."""

from __future__ import annotations

import numpy as np
from PIL import Image

from capture.data.mixamo.in_blender.framing import REACH

INK = np.array([22, 18, 26])
JUMP = 0.05  # half heights of the picture: so much further away is behind
CREASE = 0.35  # cosine of the angle between the normals on both sides of an edge, at most


def ink(picture: Image.Image, guide: Image.Image) -> Image.Image:
    """An RGBA picture with outlines, from the guide of it, which is twice as large (in_blender/guide.py)."""
    rgba = np.asarray(picture.convert("RGBA")).astype(np.float32)  # (S, S, 4)
    line = outline(np.asarray(guide.convert("RGBA")), max(1, round(len(rgba) / 128)))  # (S, S)
    alpha = np.maximum(rgba[..., 3], 255 * line)  # (S, S)
    # where the figure ends within a pixel, its colour lies behind the line
    colour = rgba[..., :3] * (1 - line[..., None]) + INK * line[..., None]  # (S, S, 3)
    return Image.fromarray(np.rint(np.dstack((colour, alpha))).astype(np.uint8))


def outline(guide: np.ndarray, width: int = 1) -> np.ndarray:
    """float32 (S, S) in [0, 1]: how much of each pixel is ink.

    Args:
        guide: uint8 (2S, 2S, 4).  width: of the lines, in pixels.
    """
    inside = guide[..., 3] >= 128  # (2S, 2S)
    slope = guide[..., :2].astype(np.float32) / 127.5 - 1  # (2S, 2S, 2)
    front = np.sqrt(np.maximum(0, 1 - (slope**2).sum(-1)))  # (2S, 2S)
    normal = np.dstack((slope, front))  # (2S, 2S, 3)
    depth = guide[..., 2].astype(np.float32) / 255 * 2 * REACH  # (2S, 2S)
    marked = np.zeros_like(inside)
    for axis in (0, 1):
        a, b = _before(inside, axis), _after(inside, axis)
        both = a & b
        step = _after(depth, axis) - _before(depth, axis)
        before, after = (np.zeros_like(step) for _ in range(2))  # the same surface goes on as steeply as it came
        _after(before, axis)[:] = _before(step, axis)
        _before(after, axis)[:] = _after(step, axis)
        steep = np.minimum(np.abs(step - before), np.abs(step - after)) > JUMP
        turned = (_before(normal, axis) * _after(normal, axis)).sum(-1) < CREASE
        edge = (a != b) | (both & (steep | turned))
        _before(marked, axis)[:] |= edge
        _after(marked, axis)[:] |= edge
    for _ in range(2 * (width - 1)):
        marked = _thicker(marked)
    height = len(marked) // 2
    return marked.reshape(height, 2, height, 2).mean((1, 3), dtype=np.float32)


def _before(array: np.ndarray, axis: int) -> np.ndarray:
    """All but the last row or column."""
    return array[:-1] if axis == 0 else array[:, :-1]


def _after(array: np.ndarray, axis: int) -> np.ndarray:
    """All but the first row or column."""
    return array[1:] if axis == 0 else array[:, 1:]


def _thicker(marked: np.ndarray) -> np.ndarray:
    """Marks, and their neighbours to the right and below."""
    grown = marked.copy()
    grown[1:] |= marked[:-1]
    grown[:, 1:] |= marked[:, :-1]
    return grown
