"""The blocks of both generators and hourglasses: convolution, batch norm, ReLU.

Attribute names (`conv`, `norm`, `conv1`, ...) are those of published checkpoints. Their networks synchronise batch
norm over GPUs with code of their own; here it is torch's, with the same state.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.precision import BatchNorm


class SameBlock(nn.Module):
    """conv -> norm -> ReLU. (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)
        self.norm = BatchNorm(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class DownBlock(SameBlock):
    """The same, then 2x2 average pooling. (B, c_in, H, W) -> (B, c_out, H / 2, W / 2)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(super().forward(x), 2)


class UpBlock(SameBlock):
    """The same after doubling each pixel. (B, c_in, H, W) -> (B, c_out, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class ResidualBlock(nn.Module):
    """x + (norm -> ReLU -> conv, twice), (B, c, H, W) -> the same (He et al., "Identity mappings", ECCV 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = BatchNorm(channels)
        self.norm2 = BatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(out)))


def width(block_expansion: int, level: int, max_features: int) -> int:
    """Channels after `level` halvings: doubling each time, up to a limit."""
    return min(max_features, block_expansion * 2**level)
