"""What stays in float32 where a network is made bfloat16: coordinates and statistics don't survive eight bits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class InFloat32(nn.Module):
    """A module whose parameters and buffers follow the network to another device, and not to half precision."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        def keep(values: Tensor) -> Tensor:
            moved = fn(values)
            return values.to(moved.device) if moved.dtype in (torch.bfloat16, torch.float16) else moved

        return super()._apply(keep, recurse)


class BatchNorm(InFloat32, nn.BatchNorm2d):
    """torch's, for activations of any type, with weights and statistics in float32."""


class Float32Linear(InFloat32, nn.Linear):
    """torch's, computed in float32 under autocast too."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
