"""What each position of a picture is a part of, which takes more than its neighbourhood to tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.blocks import ConvBlock


class Context(nn.Module):
    """Skip features of a picture, from the smallest up: each is joined with what the one below it has found.

    A flat patch of cloth looks the same on a sleeve and on a leg; from the smallest map, which has seen the whole
    figure, each level learns which it is (a feature pyramid: Lin et al., CVPR 2017).

    Args:
        channels: of the skip features by level.
        smallest, largest: levels to start at and to end at (the numbers fall).
        width: channels of what comes out.
    """

    def __init__(self, channels: dict[int, int], smallest: int, largest: int, width: int):
        super().__init__()
        self.levels = range(smallest - 1, largest - 1, -1)
        below = [channels[smallest]] + [width] * (len(self.levels) - 1)
        self.joins = nn.ModuleList(ConvBlock(channels[k] + b, width) for k, b in zip(self.levels, below))
        self.smallest = smallest

    def forward(self, skips: dict[int, Tensor]) -> dict[int, Tensor]:
        """Skips by level, (B, channels[k], H_k, W_k) -> the same levels but the smallest, (B, width, H_k, W_k)."""
        x, found = skips[self.smallest], {}
        for k, join in zip(self.levels, self.joins):
            x = F.interpolate(x, size=skips[k].shape[-2:], mode="nearest")
            found[k] = x = join(torch.cat([skips[k], x], dim=1))
        return found
