"""Which part of a body each place of a picture shows."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.blocks import SLOPE, ConvBlock, ResBlock

FAINT = 0.01  # size of what logits start at, beside what a layer starts at
FEATURES = 24  # channels beside the parts, learnt from what they are used for


class Seen(NamedTuple):
    """What a picture shows at each of h x w positions: logits of background and parts, and features."""

    logits: Tensor  # (B, parts + 1, h, w)
    features: Tensor  # (B, FEATURES, h, w)


class Joined(nn.Module):
    """A map and one of half its size: lrelu(conv(map) + upsampled conv(smaller)), cheaper than joining channels."""

    def __init__(self, below: int, beside: int):
        super().__init__()
        self.below = nn.Conv2d(below, beside, 3, padding=1)
        self.beside = nn.Conv2d(beside, beside, 3, padding=1)

    def forward(self, smaller: Tensor, x: Tensor) -> Tensor:
        """(B, below, h / 2, w / 2), (B, beside, h, w) -> (B, beside, h, w)."""
        x = self.beside(x) + F.interpolate(self.below(smaller), scale_factor=2, mode="nearest")
        return F.leaky_relu(x, SLOPE)


class BodyReader(nn.Module):
    """A picture read place by place, by the same network whether it shows the identity or the pose.

    A U-Net (Ronneberger et al., MICCAI 2015) of four halvings: the smallest map has seen the whole figure, and tells a
    sleeve from a trouser leg of the same cloth.

    Args:
        parts: body parts, beside the background.  c_in: channels of the picture.  c: channels at full size.
        most: what channels are doubled up to.
    Attributes:
        settled: the parts stay as they are read now; the features beside them, made of the same map, still learn.
    """

    def __init__(self, parts: int, c_in: int = 3, c: int = 32, most: int = 160, halvings: int = 4):
        super().__init__()
        widths = [min(c * 2**k, most) for k in range(halvings + 1)]
        self.parts, self.settled = parts, False
        self.first = ConvBlock(c_in, c, norm="in")
        self.down, self.up = walk(*widths, norm="in")
        self.again = ResBlock(c, c)
        self.last = nn.Conv2d(c, parts + 1 + FEATURES, 1)

    def start(self) -> None:
        """At first hardly anything is likelier than another (called by init_weights)."""
        self.last.weight.data[: self.parts + 1] *= FAINT

    def settle(self) -> None:
        """From now on only the last layer learns, and only the features."""
        self.settled = True
        self.requires_grad_(False)
        self.last.requires_grad_(True)

    def forward(self, picture: Tensor) -> Seen:
        """(B, c_in, h, w) -> float32 logits and features of the same size."""
        x = self.again(down_and_up(self.first(picture), self.down, self.up))
        logits, features = self.last(x).float().split([self.parts + 1, FEATURES], dim=1)
        return Seen(logits.detach() if self.settled else logits, features)


def grid(x: Tensor) -> Tensor:
    """(2, H, W): x and y, from -1 to 1, of the middle of each position of a map (..., H, W)."""
    ys, xs = ((2 * torch.arange(n, device=x.device) + 1) / n - 1 for n in x.shape[-2:])
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"))


def walk(*widths: int, norm: str = "none") -> tuple[nn.ModuleList, nn.ModuleList]:
    """What `down_and_up` walks through: from widths[0] channels down to widths[-1], halving each time, and back."""
    steps = list(zip(widths, widths[1:]))
    down = nn.ModuleList(ResBlock(a, b, sample="down", norm=norm) for a, b in steps)
    return down, nn.ModuleList(Joined(b, a) for a, b in reversed(steps))


def down_and_up(x: Tensor, down: nn.ModuleList, up: nn.ModuleList) -> Tensor:
    """Through halvings, and back through as many Joined, each with the map of its size; x (B, C, h, w) -> the same."""
    skips = [x]
    for level in down:
        skips.append(level(skips[-1]))
    x = skips.pop()
    for level in up:
        x = level(x, skips.pop())
    return x
