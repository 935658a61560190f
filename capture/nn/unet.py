"""A U-Net (Ronneberger et al., MICCAI 2015) of ResBlocks, whose skip connections are added."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.blocks import SLOPE, ResBlock


class UpBlock(nn.Module):
    """One step up: lrelu(conv(skip) + upsampled conv(smaller)), which costs less than concatenating channels."""

    def __init__(self, c_smaller: int, c_skip: int):
        super().__init__()
        self.smaller_conv = nn.Conv2d(c_smaller, c_skip, 3, padding=1)
        self.skip_conv = nn.Conv2d(c_skip, c_skip, 3, padding=1)

    def forward(self, smaller: Tensor, skip: Tensor) -> Tensor:
        """(B, c_smaller, h / 2, w / 2), (B, c_skip, h, w) -> (B, c_skip, h, w)."""
        x = self.skip_conv(skip) + F.interpolate(self.smaller_conv(smaller), scale_factor=2, mode="nearest")
        return F.leaky_relu(x, SLOPE)


class UNet(nn.Module):
    """(B, widths[0], h, w) -> the same shape, by len(widths) - 1 halvings and as many steps up.

    Args:
        widths: channels at each size, the largest size first.  norm: none | in | bn, of the way down.
    """

    def __init__(self, *widths: int, norm: str = "none"):
        super().__init__()
        steps = list(zip(widths, widths[1:]))
        self.down = nn.ModuleList(ResBlock(a, b, sample="down", norm=norm) for a, b in steps)
        self.up = nn.ModuleList(UpBlock(b, a) for a, b in reversed(steps))

    def forward(self, x: Tensor, after_first: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """
        Args:
            after_first: changes what the first block makes, (B, widths[1], h / 2, w / 2).
        """
        skips = [x]
        for block in self.down:
            x = block(skips[-1])  # (B, widths[k], h / 2^k, w / 2^k)
            skips.append(after_first(x) if after_first is not None and len(skips) == 1 else x)
        x = skips.pop()
        for block in self.up:
            x = block(x, skips.pop())
        return x
