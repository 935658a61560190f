"""Positions in pictures, and affine maps of them. Coordinates run from -1 to 1 over a picture, x before y, as
`grid_sample` has them with align_corners=False."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cell_centres(x: Tensor) -> Tensor:
    """(2, H, W): x and y of the middle of each position of a map (..., H, W)."""
    ys, xs = ((2 * torch.arange(n, device=x.device) + 1) / n - 1 for n in x.shape[-2:])
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"))


def apply_affine(maps: Tensor, points: Tensor) -> Tensor:
    """Affine maps (..., 2, 3) of points (2, H, W) -> (..., 2, H, W)."""
    moved = maps[..., :2] @ points.flatten(1) + maps[..., 2:]
    return moved.view(*moved.shape[:-1], *points.shape[-2:])


def apply_part_affine(maps: Tensor, part: Tensor, points: Tensor) -> Tensor:
    """Points (B or 1, 2, ...), each moved by the map of its part.

    Args:
        maps: (B, parts, 2, 3).  part: int64 (B, ...), which part each point belongs to.
    Returns:
        (B, 2, ...).
    """
    chosen = maps.flatten(2).gather(1, part.flatten(1)[..., None].expand(-1, -1, 6))  # (B, N, 6)
    a = chosen.transpose(1, 2).unflatten(2, tuple(part.shape[1:]))  # (B, 6, ...)
    x, y = points.unbind(1)
    return torch.stack([a[:, 0] * x + a[:, 1] * y + a[:, 2], a[:, 3] * x + a[:, 4] * y + a[:, 5]], dim=1)


def sample_map(x: Tensor, grid: Tensor, padding: str = "border") -> Tensor:
    """A map (B, C, H, W) at positions (B, 2, h, w) -> float32 (B, C, h, w), bilinearly."""
    return F.grid_sample(x.float(), grid.permute(0, 2, 3, 1), padding_mode=padding, align_corners=False)


def neighbours(grid: Tensor, step: float) -> list[Tensor]:
    """Positions (B, 2, h, w), and those `step` positions to the left, right, above and below of them."""
    away = 2 * step / grid.shape[-1]
    steps = grid.new_tensor([(0, 0), (-away, 0), (away, 0), (0, -away), (0, away)])
    return [grid + step[:, None, None] for step in steps]
