"""The inpainter f: a gated hourglass that completes a texture of coordinates.

Gated convolutions are those of Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019.
Names of its parameters are those of the released inpainter.pth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.precision import BatchNorm, InFloat32

IN_CHANNELS = 5  # xy_partial 2, known 1, mesh of the texture 2
SMALLEST_TEXTURE = 36  # a dilation of 8 reflects 8 texels at a quarter of the side
# gate -> (channels in and out in units of ngf, kernel, stride, dilation); IN stands for the input's
IN = 0
GATES: tuple[tuple[float, float, int, int, int], ...] = (
    (IN, 1, 5, 1, 1),
    (1, 2, 3, 2, 1),
    (2, 2, 3, 1, 1),
    (2, 4, 3, 2, 1),
    (4, 4, 3, 1, 1),
    (4, 4, 3, 1, 1),
    (4, 4, 3, 1, 2),
    (4, 4, 3, 1, 4),
    (4, 4, 3, 1, 8),
    (4, 4, 3, 1, 8),
    (4, 4, 3, 1, 1),
    (4, 4, 3, 1, 1),
    (4, 2, 3, 1, 1),
    (2, 1, 3, 1, 1),
    (1, 0.5, 3, 1, 1),
)


class GatedBlock(nn.Module):
    """BatchNorm(ELU(conv_f(x)) * sigmoid(conv_m(x))), reflect-padded; the norm comes after the product."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.pad = dilation * (kernel - 1) // 2
        self.conv_f = nn.Conv2d(c_in, c_out, kernel, stride, dilation=dilation)
        self.norm = BatchNorm(c_out)
        self.conv_m = nn.Conv2d(c_in, c_out, kernel, stride, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""
        x = F.pad(x, (self.pad,) * 4, mode="reflect")
        out: Tensor = self.norm(F.elu(self.conv_f(x)) * torch.sigmoid(self.conv_m(x)))
        return out


class CoordinateConv(InFloat32, nn.Conv2d):
    """A 3x3 convolution in float32: eight bits of mantissa would leave a coordinate a pixel or more wrong."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(F.pad(x.float(), (1, 1, 1, 1), mode="reflect"))


class FinalLayer(nn.Module):
    """The last convolution, under the name that the release gives it."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv1 = CoordinateConv(c_in, c_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv1(x)
        return out


class Inpainter(nn.Module):
    """f: [xy_partial, known, mesh] -> coordinates before tanh.

    Args:
        ngf: width; the release has 32.
        skips: add the features before each halving to those after the doubling (not in the release, whose features at
            a quarter of the side are all that reaches the output).
    """

    gate1: GatedBlock

    def __init__(self, ngf: int = 32, skips: bool = False):
        super().__init__()
        self.skips = skips
        for number, (c_in, c_out, kernel, stride, dilation) in enumerate(GATES, 1):
            channels = int(c_in * ngf) or IN_CHANNELS
            self.add_module(f"gate{number}", GatedBlock(channels, int(c_out * ngf), kernel, stride, dilation))
        self.final = FinalLayer(ngf // 2, 2)

    def gates(self, first: int, last: int, x: Tensor) -> Tensor:
        """Gates `first` to `last`, in order."""
        for number in range(first, last + 1):
            x = getattr(self, f"gate{number}")(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(B, 5, T, T) -> (B, 2, T, T) float32; T is a multiple of 4 and at least 36."""
        full = self.gates(1, 1, x.to(self.gate1.conv_f.weight.dtype))  # (B, n, T, T)
        half = self.gates(2, 3, full)  # (B, 2n, T/2, T/2)
        x = self.gates(4, 12, half)  # (B, 4n, T/4, T/4)
        x = self.gates(13, 13, _doubled(x))  # (B, 2n, T/2, T/2)
        x = self.gates(14, 14, _doubled(x + half if self.skips else x))  # (B, n, T, T)
        x = self.gates(15, 15, x + full if self.skips else x)  # (B, n/2, T, T)
        out: Tensor = self.final(x)  # (B, 2, T, T)
        return out


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
