"""The encoder and decoder around both generators' warps (after Johnson et al., ECCV 2016).

FOMM's and MRAA's networks work on pictures in [0, 1], as their authors have them; everything outside is in [-1, 1].
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.hourglass import DownBlock, SameBlock, UpBlock, width
from capture.nn.precision import BatchNorm


class ResidualBlock(nn.Module):
    """x + (norm -> ReLU -> conv, twice), (B, c, H, W) -> the same (He et al., "Identity mappings", ECCV 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = BatchNorm(channels)
        self.norm2 = BatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.norm1(x)))  # (B, c, H, W)
        out = self.conv2(F.relu(self.norm2(out)))  # (B, c, H, W)
        return torch.add(x, out)


class Autoencoder(nn.Module):
    """Convolutions down to S / 2^num_down_blocks, residual blocks there, convolutions up, sigmoid."""

    def __init__(self, block_expansion: int, max_features: int, num_down_blocks: int, num_bottleneck_blocks: int):
        super().__init__()
        widths = [width(block_expansion, level, max_features) for level in range(num_down_blocks + 1)]
        self.first = SameBlock(3, block_expansion, kernel=7)
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in zip(widths, widths[1:]))
        self.up_blocks = nn.ModuleList(UpBlock(b, a) for a, b in reversed(list(zip(widths, widths[1:]))))
        self.bottleneck = nn.Sequential(
            OrderedDict((f"r{i}", ResidualBlock(widths[-1])) for i in range(num_bottleneck_blocks))
        )
        self.final = nn.Conv2d(block_expansion, 3, 7, padding=3)

    def encode(self, image: Tensor) -> list[Tensor]:
        """Picture (B, 3, S, S) in [0, 1] -> features at S, S / 2, ..."""
        levels = [self.first(image.to(self.final.weight.dtype))]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels

    def to_picture(self, features: Tensor) -> Tensor:
        """The last features (B, block_expansion, S, S) -> a picture (B, 3, S, S) in [0, 1], float32."""
        return torch.sigmoid(self.final(features).float())


def to_unit(image: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], float32."""
    return (image.float() + 1) / 2


def from_unit(image: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], float32."""
    return image.float() * 2 - 1
