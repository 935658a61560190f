"""The refiner g: two encoders, whose source features are warped to the target by the coordinates, and a decoder.

The released code has no deformable convolution, whatever its page says: the skips are warped with grid_sample. Names of
the layers are those of the released refiner.pth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.coord_inpainting.grids import Convention
from capture.nn.spectral_norm import SpectralNormConv2d

SOURCE_CHANNELS = 8  # picture 3, source_uv 2, source_mask 1, mesh 2
TARGET_CHANNELS = 10  # warped picture 3, target_uv 2, target_mask 1, target_xy 2, mesh 2
Features = tuple[Tensor, ...]  # three, at sides S, S/2, S/4


class SpectralBlock(nn.Module):
    """Reflect-padded convolution with spectral normalisation, InstanceNorm without parameters, LeakyReLU 0.01."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.pad = (kernel - 1) // 2
        self.conv = SpectralNormConv2d(c_in, c_out, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""
        x = self.conv(F.pad(x, (self.pad,) * 4, mode="reflect"))
        return F.leaky_relu(F.instance_norm(x, eps=1e-5), 0.01)


class FinalLayer(nn.Module):
    """The last convolution, without norm and activation."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv1 = SpectralNormConv2d(c_in, c_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv1(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        return out


class Refiner(nn.Module):
    """g: source and target inputs -> logits of the picture.

    Args:
        ngf: width at every level; the release has 256.
        convention: of reading the source features.
        extra: channels of the target input beside TARGET_CHANNELS (not in the release).
    """

    res1: SpectralBlock
    dec1: SpectralBlock
    dec2: SpectralBlock
    dec3: SpectralBlock

    def __init__(self, ngf: int = 256, convention: Convention | None = None, extra: int = 0):
        super().__init__()
        self.convention = convention or Convention()
        for side, channels in (("source", SOURCE_CHANNELS), ("target", TARGET_CHANNELS + extra)):
            self.add_module(f"{side}_enc1", SpectralBlock(channels, ngf, 5))
            self.add_module(f"{side}_enc2", SpectralBlock(ngf, ngf, 3, 2))
            self.add_module(f"{side}_enc3", SpectralBlock(ngf, ngf, 3, 2))
        for number in range(1, 7):
            self.add_module(f"res{number}", SpectralBlock(ngf, ngf))
        for number in range(1, 4):
            self.add_module(f"dec{number}", SpectralBlock(3 * ngf, ngf))
        self.final = FinalLayer(ngf, 3)

    def encode(self, side: str, x: Tensor) -> Features:
        """The three features of the source or of the target, `side`."""
        x = x.to(self.final.conv1.weight_orig.dtype)
        one = getattr(self, f"{side}_enc1")(x)  # (B, n, S, S)
        two = getattr(self, f"{side}_enc2")(one)  # (B, n, S/2, S/2)
        return one, two, getattr(self, f"{side}_enc3")(two)  # (B, n, S/4, S/4)

    def warp_skips(self, source: Features, target_xy: Tensor, target_mask: Tensor) -> Features:
        """Source features where the coordinates say; outside the figure they stay in place.

        Args:
            target_xy: (B, 2, S, S), where each target pixel lies in the source picture; 0 outside the figure.
            target_mask: (B, 1, S, S).
        """
        warped = []
        xy, mask = target_xy, target_mask
        for level, features in enumerate(source):
            height, width = features.shape[-2:]
            if level:  # zeros outside the figure bleed in at its edge, as in the release
                xy = F.interpolate(xy, size=(height, width), mode="bilinear", align_corners=False)
                mask = (F.interpolate(mask, size=(height, width), mode="nearest") > 0).to(xy.dtype)
            mesh = self.convention.mesh(height, width, xy.device)  # (2, H, W)
            warped.append(self.convention.sample(features, xy * mask + mesh * (1 - mask)))  # (B, n, H, W)
        return tuple(warped)

    def decode(self, target: Features, skips: Features) -> Tensor:
        """Logits (B, 3, S, S) from the target's features and the warped source features."""
        one, two, three = target
        before, now = three, self.res1(three)  # (B, n, S/4, S/4)
        for number in range(2, 7):
            before, now = now, getattr(self, f"res{number}")(before + now)  # (B, n, S/4, S/4)
        x = self.dec1(torch.cat([before + now, three, skips[2]], dim=1))  # (B, n, S/4, S/4)
        x = self.dec2(torch.cat([_doubled(x), two, skips[1]], dim=1))  # (B, n, S/2, S/2)
        x = self.dec3(torch.cat([_doubled(x), one, skips[0]], dim=1))  # (B, n, S, S)
        out: Tensor = self.final(x)  # (B, 3, S, S)
        return out

    def forward(self, source: Tensor, target: Tensor, target_xy: Tensor, target_mask: Tensor) -> Tensor:
        """(B, 8, S, S), (B, 10, S, S), (B, 2, S, S), (B, 1, S, S) -> logits (B, 3, S, S); S is a multiple of 4."""
        skips = self.warp_skips(self.encode("source", source), target_xy, target_mask)
        return self.decode(self.encode("target", target), skips)


def advance_power_iteration(network: nn.Module) -> None:
    """One power iteration of every spectrally normalised layer.

    The release takes one at every call, in evaluation too, so that its pictures depend on how often it was called. Here
    evaluation leaves u and v alone: one iteration when the released weights are loaded gives the release's first call.
    """
    layers = [module for module in network.modules() if isinstance(module, SpectralNormConv2d)]
    for layer in layers:
        training, layer.training = layer.training, True
        with torch.no_grad():
            layer.normalised_weight()
        layer.training = training


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
