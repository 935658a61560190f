"""Smooth random fields and small helpers that the filters of styles share."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def value_noise(size: int, cells: float, seed: int, device: torch.device | str = "cpu", octaves: int = 1) -> Tensor:
    """Smooth noise (size, size) in [0, 1] with about `cells` hills to a side, the same for the same seed.

    The values of a coarse random grid are interpolated bicubically (value noise); each further octave has twice as many
    cells and half the height.
    """
    total, weight = torch.zeros(size, size), 0.0
    rng = np.random.default_rng([seed, 11])
    for octave in range(octaves):
        side = max(int(round(cells * 2**octave)), 1) + 3
        grid = torch.from_numpy(rng.random((1, 1, side, side), dtype=np.float32))
        fine = F.interpolate(grid, size=(size, size), mode="bicubic", align_corners=True)[0, 0]
        total, weight = total + fine * 0.5**octave, weight + 0.5**octave
    return (total / weight).clamp(0, 1).to(device)


def white_noise(shape: tuple[int, ...], seed: int, device: torch.device | str = "cpu") -> Tensor:
    """Independent standard normal values, the same for the same seed on every device."""
    values = np.random.default_rng([seed, 12]).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(values).to(device)


def blur(pictures: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (N, C, S, S), with edges repeated outwards."""
    if sigma <= 0:
        return pictures
    radius = max(1, math.ceil(2.5 * sigma))
    steps = torch.arange(-radius, radius + 1, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (steps / sigma).square())
    kernel = kernel / kernel.sum()
    x = F.pad(pictures, (radius, radius, radius, radius), mode="replicate").flatten(0, 1).unsqueeze(1)
    x = F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return x.view(pictures.shape)


def luminance(pictures: Tensor) -> Tensor:
    """(N, 3, S, S) -> (N, 1, S, S), by the weights of ITU-R BT.601."""
    return 0.299 * pictures[:, 0:1] + 0.587 * pictures[:, 1:2] + 0.114 * pictures[:, 2:3]
