"""Modules that stay in float32 where a network is converted to bfloat16, because their values need the precision."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class InFloat32(nn.Module):
    """A module whose parameters and buffers move to other devices with the network, but keep float32."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        def keep(values: Tensor) -> Tensor:
            moved = fn(values)
            return values.to(moved.device) if moved.dtype in (torch.bfloat16, torch.float16) else moved

        return super()._apply(keep, recurse)


class BatchNorm(InFloat32, nn.BatchNorm2d):
    """Batch norm for activations of any type, whose weights and statistics stay in float32."""


class Float32Linear(InFloat32, nn.Linear):
    """A linear layer that computes in float32, also under autocast."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
