"""A feature pyramid (Lin et al., CVPR 2017) over the skip levels of an encoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from capture.methods.capture.encoders import Skips
from capture.nn.blocks import ConvBlock


class FeaturePyramid(nn.Module):
    """Skip features, from the smallest up: each level is joined with what the smaller level has found.

    A flat patch of cloth looks the same on a sleeve and on a leg; the smallest map, which has seen the whole figure,
    tells each level which it is.

    Args:
        channels: of the skip levels.  smallest, largest: levels to start at and to end at (the numbers fall).
        width: channels of the results.
    """

    def __init__(self, channels: dict[int, int], smallest: int, largest: int, width: int):
        super().__init__()
        self.levels = range(smallest - 1, largest - 1, -1)
        below = [channels[smallest]] + [width] * (len(self.levels) - 1)
        self.convs = nn.ModuleList(ConvBlock(channels[k] + b, width) for k, b in zip(self.levels, below))
        self.smallest = smallest

    def forward(self, skips: Skips) -> Skips:
        """Skips by level, (B, channels[k], H_k, W_k) -> the same levels but the smallest, (B, width, H_k, W_k)."""
        x, found = skips[self.smallest], {}
        for k, conv in zip(self.levels, self.convs):
            x = F.interpolate(x, size=skips[k].shape[-2:], mode="nearest")
            found[k] = x = conv(torch.cat([skips[k], x], dim=1))  # (B, width, H_k, W_k)
        return found
