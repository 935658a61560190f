"""Ink: lines that stray, break and are drawn twice; and edges of parts of finished pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.data.styles.noise import value_noise
from capture.data.styles.style import Ink


def hand_drawn(lines: Tensor, ink: Ink, seed: int, unit: float) -> Tensor:
    """Lines (N, S, S) bool as a hand draws them.

    Args:
        unit: samples in half a pixel of a picture of 128 pixels.
    """
    size, device = lines.shape[-1], lines.device
    drawn = lines
    if ink.wobble:
        drawn = _strayed(lines, ink.wobble * unit, seed)
        if ink.doubled:
            drawn = drawn | _strayed(lines, ink.wobble * unit, seed + 100)
    if ink.broken:
        noise = value_noise(size, 26, seed + 200, device)
        drawn = drawn & (noise > noise.flatten().kthvalue(max(int(ink.broken * size * size), 1)).values)
    return drawn


def _strayed(lines: Tensor, distance: float, seed: int) -> Tensor:
    """Lines moved by a smooth random field of about `distance` samples."""
    size, device = lines.shape[-1], lines.device
    steps = torch.arange(size, device=device)
    dx, dy = (((value_noise(size, 7, seed + k, device) - 0.5) * 4 * distance).round().long() for k in (1, 2))
    at = (steps[:, None] + dy).clamp(0, size - 1) * size + (steps[None] + dx).clamp(0, size - 1)
    return lines.flatten(1).index_select(1, at.flatten()).view(lines.shape)


def part_edges(parts: Tensor, figure: Tensor, ink: Ink, seed: int) -> Tensor:
    """Where ink is on finished pictures, (N, 1, S, S) bool: around the figure and between its parts.

    Args:
        parts: (N, 1, S, S), part numbers.  figure: (N, 1, S, S) bool.
    """
    size = parts.shape[-1]
    unit = size / 128
    lines = torch.zeros_like(figure)
    if ink.outer:
        width = max(round(ink.outer * 0.5 * unit), 1)
        grown = F.max_pool2d(figure.float(), 2 * width + 1, 1, width) > 0
        lines = grown & ~figure
    if ink.inner:
        p = parts.float()
        low, high = -F.max_pool2d(-p, 2, 1), F.max_pool2d(p, 2, 1)
        between = F.pad((low != high) & (low > 0), (0, 1, 0, 1))
        lines = lines | between
    return hand_drawn(lines[:, 0], ink, seed, 0.5 * unit).unsqueeze(1)
