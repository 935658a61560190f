"""Shrinking pictures: a Gaussian filter, then every n-th pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.precision import InFloat32


class AntiAliasDown(InFloat32):
    """(B, C, H, W) -> (B, C, H * scale, W * scale), for a scale of 1 / n; in float32.

    The filter's standard deviation is (n - 1) / 2 pixels, cut off at four of them, with zeros around the picture.

    Args:
        saved: the filter is part of the state dict, as in some networks of published checkpoints.
    """

    weight: Tensor

    def __init__(self, channels: int, scale: float, saved: bool = True):
        super().__init__()
        self.step = round(1 / scale)
        sigma = (1 / scale - 1) / 2
        self.reach = round(4 * sigma)
        distance = torch.arange(-self.reach, self.reach + 1, dtype=torch.float32)
        bell = torch.exp(-(distance**2) / (2 * sigma**2)) if sigma else torch.ones(1)
        kernel = bell[:, None] * bell[None, :]
        kernel = kernel / kernel.sum()
        self.register_buffer("weight", kernel.expand(channels, 1, -1, -1).contiguous(), persistent=saved)

    def forward(self, image: Tensor) -> Tensor:
        if self.step == 1:
            return image
        with torch.autocast(image.device.type, enabled=False):
            return F.conv2d(
                image.float(), self.weight, stride=self.step, padding=self.reach, groups=self.weight.shape[0]
            )


class Pyramid(nn.Module):
    """A picture (B, C, H, W) at several scales, in the order given. It has no state to save."""

    def __init__(self, scales: Sequence[float], channels: int = 3):
        super().__init__()
        self.downs = nn.ModuleList(AntiAliasDown(channels, scale, saved=False) for scale in scales)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [down(image) for down in self.downs]
