"""Heat maps over a picture's positions, and what is measured under them: positions and 2x2 frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from capture.nn.geometry import coordinate_grid


def heat_maps(logits: Tensor, temperature: float) -> Tensor:
    """Logits (B, K, h, w) of any type -> float32 maps that sum to 1 over their positions."""
    return (logits.float().flatten(2) / temperature).softmax(dim=2).unflatten(2, logits.shape[2:])


def soft_argmax(heat: Tensor) -> Tensor:
    """Mean position of heat maps (B, K, h, w) -> (B, K, 2)."""
    grid = coordinate_grid(*heat.shape[-2:], device=heat.device)  # (h, w, 2)
    return (heat.unsqueeze(-1) * grid).sum(dim=(2, 3))


def weighted_matrices(heat: Tensor, maps: Tensor) -> Tensor:
    """2x2 matrices as means of maps (B, 4 or 4K, h, w), one for all or one each, under heat maps (B, K, h, w)."""
    maps = maps.float().unflatten(1, (-1, 4))  # (B, 1 or K, 4, h, w)
    return (heat.unsqueeze(2) * maps).sum(dim=(-2, -1)).unflatten(-1, (2, 2))  # (B, K, 2, 2)


@torch.no_grad()
def start_as_identity(head: nn.Conv2d) -> None:
    """Set a convolution to 4K channels so that its output is the identity matrix, K times, at every position."""
    head.weight.zero_()
    head.bias.copy_(torch.eye(2).flatten().repeat(len(head.bias) // 4))
