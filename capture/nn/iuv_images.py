"""IUV maps as conditional images, which networks take as input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.io.iuv import ATLAS_GRID
from capture.nn.iuv import valid_part


def atlas_map(uv: Tensor, grid: int = ATLAS_GRID) -> Tensor:
    """A map (B, 3, H, W) as a conditional image: atlas coordinates on the figure, and the background's flag.

    Returns:
        float (B, 3, H, W): u and v in the atlas of grid x grid parts, from 0 to 1, and 1 on the background; (0, 0, 1)
        there.
    """
    part = valid_part(uv[:, 0], grid)
    figure = (part > 0).float()  # (B, H, W)
    cell = (part - 1).clamp(min=0)
    u = (cell % grid + uv[:, 1].float() / 255) / grid
    v = (cell // grid + uv[:, 2].float() / 255) / grid
    return torch.stack([u * figure, v * figure, 1 - figure], dim=1)  # (B, 3, H, W)


def part_map(uv: Tensor, grid: int = ATLAS_GRID) -> Tensor:
    """A map (B, 3, H, W) as a conditional image of grid² + 3 channels.

    Returns:
        float (B, grid² + 3, H, W): one for each part, 1 where it is shown; u and v on the figure; the background's
        flag, the last channel as in `atlas_map`.
    """
    part = valid_part(uv[:, 0], grid)
    one_hot = F.one_hot(part, grid**2 + 1).movedim(-1, 1).float()  # (B, grid² + 1, H, W)
    background, parts = one_hot[:, :1], one_hot[:, 1:]
    return torch.cat([parts, uv[:, 1:].float() / 255 * (1 - background), background], dim=1)
