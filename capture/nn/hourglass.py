"""The hourglass network that predicts keypoints, regions and motion, and its blocks: convolution, batch norm, ReLU.

An hourglass is a U-Net whose skip connections include the input itself. Attribute names (`conv`, `norm`, ...) are those
of FOMM's and MRAA's published checkpoints. The authors have their own batch norm that synchronises GPUs; here
it is torch's batch norm, which has the same state.
"""

from __future__ import annotations

import torch
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
    """SameBlock, then 2x2 average pooling. (B, c_in, H, W) -> (B, c_out, H / 2, W / 2)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(super().forward(x), 2)


class UpBlock(SameBlock):
    """SameBlock after doubling each pixel. (B, c_in, H, W) -> (B, c_out, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class Encoder(nn.Module):
    """Halves the picture `num_blocks` times. (B, c_in, H, W) -> the input and every level's features, largest first."""

    def __init__(self, block_expansion: int, c_in: int, num_blocks: int, max_features: int):
        super().__init__()
        widths = [c_in] + [width(block_expansion, level, max_features) for level in range(1, num_blocks + 1)]
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in zip(widths, widths[1:]))
        self.out_channels = widths[-1]

    def forward(self, x: Tensor) -> list[Tensor]:
        first = self.down_blocks[0]
        assert isinstance(first, DownBlock)
        levels = [x.to(first.conv.weight.dtype)]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class Decoder(nn.Module):
    """Doubles the smallest level up to the input's size; each result is concatenated with the encoder's level."""

    def __init__(self, block_expansion: int, c_in: int, num_blocks: int, max_features: int):
        super().__init__()
        blocks = []
        for level in reversed(range(num_blocks)):
            beside = 1 if level == num_blocks - 1 else 2
            below = beside * width(block_expansion, level + 1, max_features)
            blocks.append(UpBlock(below, width(block_expansion, level, max_features)))
        self.up_blocks = nn.ModuleList(blocks)
        self.out_channels = width(block_expansion, 0, max_features) + c_in

    def forward(self, levels: list[Tensor]) -> Tensor:
        out = levels[-1]
        for block, beside in zip(self.up_blocks, reversed(levels[:-1])):
            out = torch.cat([block(out), beside], dim=1)
        return out


class Hourglass(nn.Module):
    """(B, c_in, H, W) -> (B, block_expansion + c_in, H, W); H and W are multiples of 2^num_blocks."""

    def __init__(self, block_expansion: int, c_in: int, num_blocks: int = 3, max_features: int = 256):
        super().__init__()
        self.encoder = Encoder(block_expansion, c_in, num_blocks, max_features)
        self.decoder = Decoder(block_expansion, c_in, num_blocks, max_features)
        self.out_channels = self.decoder.out_channels

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


def width(block_expansion: int, level: int, max_features: int) -> int:
    """Channels after `level` halvings: doubling each time, up to a limit."""
    return min(max_features, block_expansion * 2**level)


def check_hourglass(size: int, num_blocks: int, scale_factor: float, section: str) -> None:
    """ValueError, naming the rule, unless an hourglass can read pictures of side `size`, shrunk by `scale_factor`."""
    multiple = round(2**num_blocks / scale_factor)
    if size < 1 or size % multiple:
        raise ValueError(
            f"image_size {size} must be a multiple of {multiple} for {section} "
            f"(num_blocks is {num_blocks}: halvings; scale_factor is {scale_factor:g})"
        )


def check_heat_map(size: int, scale_factor: float, section: str, pad: int = 0) -> None:
    """ValueError, naming the rule, unless the 7x7 heads leave heat maps of more than one position a side."""
    side = round(size * scale_factor) - 6 + 2 * pad
    if side < 2:
        raise ValueError(
            f"image_size {size} leaves {section} heat maps of {max(side, 0)} positions a side "
            f"(scale_factor is {scale_factor:g}): use larger pictures or a larger scale_factor"
        )
