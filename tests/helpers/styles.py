"""Pictures of a figure with its map, for tests of styles."""

from __future__ import annotations

import torch
from torch import Tensor


def figure_and_map(count: int = 2, size: int = 32) -> tuple[Tensor, Tensor]:
    """Figures of two parts on a grey ground, uint8 (count, 3, size, size), and their IUV maps."""
    pictures = torch.full((count, 3, size, size), 235, dtype=torch.uint8)
    maps = torch.zeros_like(pictures)
    for k in range(count):
        top, left = size // 8 + k, size // 4 + k
        for part, colour in ((1, (200, 60, 40)), (7, (30, 90, 180))):
            rows = slice(top + (part > 1) * size // 3, top + (part > 1) * size // 3 + size // 3)
            columns = slice(left, left + size // 3)
            pictures[k, :, rows, columns] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
            maps[k, 0, rows, columns] = part
            maps[k, 1, rows, columns] = torch.arange(size // 3, dtype=torch.uint8) * 5
    return pictures, maps
