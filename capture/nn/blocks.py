"""The blocks of CaPTURe's networks: ConvBlock, ResBlock, LinearBlock, and adaptive instance normalisation.

Attribute names (`conv`, `conv1`, `conv2`, `skip`, `fc`) are those of the published checkpoints.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.recompute import Recomputable
from capture.nn.spectral_norm import SpectralNormConv2d

PAD_TYPES = ("zeros", "reflect", "replicate", "circular")
SLOPE = 0.2  # of every leaky ReLU
Choice = TypeVar("Choice")

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": F.relu,
    "lrelu": lambda x: F.leaky_relu(x, SLOPE),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class Padding(nn.Module):
    """Pads by `pad_type` in the input's own type, before a convolution (autocast would do it in float32)."""

    def __init__(self, padding: int, pad_type: str):
        super().__init__()
        self.padding, self.pad_type = (padding,) * 4, pad_type

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.pad(x, self.padding, mode=self.pad_type)


class InstanceNorm(nn.Module):
    """Instance normalisation without affine parameters; statistics in float32 whatever the input's type."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # a compiler fuses this form and keeps channels_last; else it is slower
            exact = x.float()
            var, mean = torch.var_mean(exact, dim=(2, 3), correction=0, keepdim=True)
            return ((exact - mean) * torch.rsqrt(var + 1e-5)).to(x.dtype)
        return F.instance_norm(x.float()).to(x.dtype)


NORMS = {
    "none": lambda channels: nn.Identity(),
    "in": lambda channels: InstanceNorm(),
    "bn": lambda channels: nn.BatchNorm2d(channels),
}


def choose(table: dict[str, Choice], name: str, what: str) -> Choice:
    """The entry of `table` under `name`, whatever its case; ValueError, naming the choices, where there is none."""
    try:
        return table[str(name).lower()]
    except KeyError:
        raise ValueError(f"{what} '{name}' is none of {', '.join(table)}") from None


class ConvBlock(nn.Module):
    """conv -> norm -> activation. (B, c_in, H, W) -> (B, c_out, H', W').

    Args:
        sample: "none" keeps H x W; "down" halves it (stride 2); "up" doubles it (4x4 stride-2 transposed conv,
            which always pads with zeros).
        norm: none | in | bn.  activ: none | relu | lrelu | tanh | sigmoid.  w_norm: none | spectral.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 3,
        sample: str = "none",
        norm: str = "none",
        activ: str = "lrelu",
        w_norm: str = "none",
        bias: bool = True,
        pad_type: str = "zeros",
    ):
        super().__init__()
        conv = choose({"none": nn.Conv2d, "spectral": SpectralNormConv2d}, w_norm, "w_norm")
        if pad_type not in PAD_TYPES:
            raise ValueError(f"pad_type '{pad_type}' is none of {', '.join(PAD_TYPES)}")
        if sample == "up":
            if conv is not nn.Conv2d:
                raise ValueError("an upsampling ConvBlock has no spectral norm")
            self.pad: nn.Module = nn.Identity()
            self.conv: nn.Conv2d | nn.ConvTranspose2d = nn.ConvTranspose2d(
                c_in, c_out, 4, stride=2, padding=1, bias=bias
            )
        else:
            stride = {"none": 1, "down": 2}[sample]
            own = pad_type == "zeros"  # the convolution pads with zeros itself
            self.pad = nn.Identity() if own or kernel == 1 else Padding(kernel // 2, pad_type)
            self.conv = conv(c_in, c_out, kernel, stride, kernel // 2 if own else 0, bias=bias)
        self.norm = choose(NORMS, norm, "norm")(c_out)
        self.activ = choose(ACTIVATIONS, activ, "activation")

    def forward(self, x: Tensor) -> Tensor:
        return self.activ(self.norm(self.conv(self.pad(x))))


class ResBlock(Recomputable):
    """out = lrelu((main + skip) / sqrt 2), main = ConvBlock(down or up) -> ConvBlock without activation.

    Where the shape changes, the skip is a 1x1 ReLU ConvBlock with average pooling (down) or nearest upsampling (up).
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        sample: str = "none",
        norm: str = "none",
        activ: str = "lrelu",
        w_norm: str = "none",
        pad_type: str = "zeros",
    ):
        super().__init__()
        kind: dict[str, Any] = dict(norm=norm, w_norm=w_norm, pad_type=pad_type)
        self.conv1 = ConvBlock(c_in, c_out, sample=sample, activ=activ, **kind)
        self.conv2 = ConvBlock(c_out, c_out, activ="none", **kind)
        self.sample = sample
        same_shape = sample == "none" and c_in == c_out
        self.skip = None if same_shape else ConvBlock(c_in, c_out, kernel=1, activ="relu", w_norm=w_norm)
        self.activ = choose(ACTIVATIONS, activ, "activation")

    def forward(self, x: Tensor) -> Tensor:
        main = self.conv2(self.conv1(x))
        skip = x if self.skip is None else self.skip(x)
        if self.sample == "down":
            skip = F.avg_pool2d(skip, 2)
        elif self.sample == "up":  # after the 1x1 convolution: the same result as before it, for a quarter of the work
            skip = F.interpolate(skip, scale_factor=2, mode="nearest")
        return self.activ((main + skip) / math.sqrt(2))


class LinearBlock(nn.Module):
    """linear -> lrelu. (B, c_in) -> (B, c_out)."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.fc = nn.Linear(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.fc(x), SLOPE)


def adain(content: Tensor, style: Tensor, eps: float = 1e-5) -> Tensor:
    """Adaptive instance normalisation (Huang and Belongie, ICCV 2017), with the unbiased variance + eps, in float32.

    Args:
        content: (B, C, H, W), whose statistics are replaced.  style: (B, C, H', W'), whose statistics are taken.
    Returns:
        (B, C, H, W), of the type of `content`.
    """
    x, y = content.float(), style.float()
    x_var, x_mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
    y_var, y_mean = torch.var_mean(y, dim=(2, 3), keepdim=True)
    scale = torch.sqrt((y_var + eps) / (x_var + eps))
    return ((x - x_mean) * scale + y_mean).to(content.dtype)
