"""The encoder and decoder around both generators' warps (after Johnson et al., ECCV 2016)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from capture.methods.keypoint_warping.blocks import DownBlock, ResidualBlock, SameBlock, UpBlock, width


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

    def paint(self, features: Tensor) -> Tensor:
        """The last features (B, block_expansion, S, S) -> a picture (B, 3, S, S) in [0, 1], float32."""
        return torch.sigmoid(self.final(features).float())
