"""The networks of Liquid Warping GAN's streams: the residual block, the ResNet and the ResUnet.

Liu et al., "Liquid Warping GAN: A Unified Framework for Human Motion Imitation, Appearance Transfer and Novel View
Synthesis", ICCV 2019. No convolution of the generator has a bias; each but those of the output heads is followed by
instance normalisation with affine parameters and a ReLU. Attribute names are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

HALVINGS = 3  # of the picture's side, in every stream


def conv_norm_relu(c_in: int, c_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolution that keeps the side (or divides it by `stride`), instance normalisation, ReLU."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.InstanceNorm2d(c_out, affine=True), nn.ReLU(inplace=True)]


def up_norm_relu(c_in: int, c_out: int) -> list[nn.Module]:
    """Transposed convolution that doubles the side, instance normalisation, ReLU."""
    conv = nn.ConvTranspose2d(c_in, c_out, 3, stride=2, padding=1, output_padding=1, bias=False)
    return [conv, nn.InstanceNorm2d(c_out, affine=True), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """x + (conv, norm, ReLU, conv, norm)(x), without an activation after the sum. (B, C, H, W) -> the same."""

    def __init__(self, channels: int):
        super().__init__()
        second = conv_norm_relu(channels, channels, 3)[:2]
        self.main = nn.Sequential(*conv_norm_relu(channels, channels, 3), *second)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.main(x)
        return out


class ResNet(nn.Module):
    """The background stream: a picture with a hole and the hole's flag -> the background without the figure.

    Args:
        c_in: channels of the input.  conv_dim: channels at full size.  repeat_num: residual blocks.
    """

    def __init__(self, c_in: int, conv_dim: int, repeat_num: int):
        super().__init__()
        layers = conv_norm_relu(c_in, conv_dim, 7)
        width = conv_dim
        for _ in range(HALVINGS):
            layers += conv_norm_relu(width, 2 * width, 3, stride=2)
            width *= 2
        layers += [ResidualBlock(width) for _ in range(repeat_num)]
        for _ in range(HALVINGS):
            layers += up_norm_relu(width, width // 2)
            width //= 2
        layers.append(nn.Conv2d(width, 3, 7, padding=3, bias=False))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(next(self.parameters()).dtype)  # (B, c_in, S, S)
        out: Tensor = self.model(x).float().tanh()  # (B, 3, S, S)
        return out


class ResUnet(nn.Module):
    """The source and the transfer stream: a picture and its conditional map -> a figure and its background mask.

    Args:
        c_in: channels of the input.  conv_dim: channels at full size.  repeat_num: residual blocks.
    """

    def __init__(self, c_in: int, conv_dim: int, repeat_num: int):
        super().__init__()
        widths = [conv_dim * 2**level for level in range(HALVINGS + 1)]  # c, 2c, 4c, 8c
        pairs = list(zip(widths, widths[1:]))
        self.encoders = nn.ModuleList([nn.Sequential(*conv_norm_relu(c_in, conv_dim, 7))])
        self.encoders.extend(nn.Sequential(*conv_norm_relu(a, b, 3, stride=2)) for a, b in pairs)
        self.resnets = nn.ModuleList(ResidualBlock(widths[-1]) for _ in range(repeat_num))
        self.decoders = nn.ModuleList(nn.Sequential(*up_norm_relu(b, a)) for a, b in reversed(pairs))
        self.skippers = nn.ModuleList(nn.Sequential(*conv_norm_relu(b, a, 3)) for a, b in reversed(pairs))
        self.img_reg = nn.Sequential(nn.Conv2d(conv_dim, 3, 7, padding=3, bias=False))
        self.attetion_reg = nn.Sequential(nn.Conv2d(conv_dim, 1, 7, padding=3, bias=False))  # the release spells it so

    def encode(self, x: Tensor, warping: Callable[[Tensor, int], Tensor] | None = None) -> list[Tensor]:
        """Features after each encoder and each residual block, the largest first.

        Args:
            x: (B, c_in, S, S).
            warping: (feature, index of the module) -> feature, applied after every module but the first, encoder 0;
                the next module and the skip connections see what it returns.
        """
        x = x.to(next(self.parameters()).dtype)
        features: list[Tensor] = []
        for index, module in enumerate([*self.encoders, *self.resnets]):
            x = module(x)  # (B, c, S, S), (B, 2c, S/2, S/2), (B, 4c, S/4, S/4), (B, 8c, S/8, S/8), ...
            if warping is not None and index > 0:
                x = warping(x, index)
            features.append(x)
        return features

    def decode(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The features of `encode` -> colour (B, 3, S, S) in [-1, 1], mask (B, 1, S, S) in [0, 1], 1 = background."""
        x = features[-1]  # (B, 8c, S/8, S/8)
        for decoder, skipper, skip in zip(self.decoders, self.skippers, reversed(features[:HALVINGS])):
            x = skipper(torch.cat([skip, decoder(x)], dim=1))  # (B, 4c, S/4, S/4), (B, 2c, S/2, S/2), (B, c, S, S)
        return self.img_reg(x).float().tanh(), self.attetion_reg(x).float().sigmoid()
