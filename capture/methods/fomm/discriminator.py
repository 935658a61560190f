"""FOMM's discriminator: patch scores of a picture at one or several scales, after pix2pix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.antialias import Pyramid
from capture.nn.geometry import gaussians
from capture.nn.hourglass import width
from capture.nn.spectral_norm import SpectralNormConv2d

SLOPE = 0.2  # of the leaky ReLU


class Scores(NamedTuple):
    """What the discriminator returns at one scale.

    Attributes:
        patches: (B, 1, h, w) float32 scores, towards 1 for real.  features: the blocks' outputs, for feature matching.
    """

    patches: Tensor
    features: list[Tensor]


class PatchBlock(nn.Module):
    """4x4 convolution without padding -> instance norm -> leaky ReLU -> 2x2 average pooling."""

    def __init__(self, c_in: int, c_out: int, norm: bool, pool: bool, sn: bool):
        super().__init__()
        self.conv = (SpectralNormConv2d if sn else nn.Conv2d)(c_in, c_out, 4)
        self.norm = nn.InstanceNorm2d(c_out, affine=True) if norm else None
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)  # (B, c_out, H - 3, W - 3)
        if self.norm is not None:
            out = self.norm(out.float()).to(out.dtype)
        out = F.leaky_relu(out, SLOPE)
        return F.avg_pool2d(out, 2) if self.pool else out


class PatchDiscriminator(nn.Module):
    """Picture (B, 3, S, S), with keypoints (B, K, 2) if use_kp -> Scores."""

    def __init__(
        self,
        block_expansion: int,
        max_features: int,
        num_blocks: int,
        sn: bool,
        use_kp: bool,
        num_kp: int,
        kp_variance: float,
    ):
        super().__init__()
        self.use_kp, self.kp_variance = use_kp, kp_variance
        widths = [width(block_expansion, level, max_features) for level in range(num_blocks + 1)]
        widths[0] = 3 + num_kp * use_kp
        last = num_blocks - 1
        self.down_blocks = nn.ModuleList(
            PatchBlock(widths[i], widths[i + 1], norm=i != 0, pool=i != last, sn=sn) for i in range(num_blocks)
        )
        self.conv = (SpectralNormConv2d if sn else nn.Conv2d)(widths[-1], 1, 1)

    def forward(self, image: Tensor, keypoints: Tensor | None = None) -> Scores:
        out = image
        if self.use_kp:
            if keypoints is None:
                raise ValueError("discriminator.use_kp needs keypoints")
            out = torch.cat([image, gaussians(keypoints, self.kp_variance, *image.shape[-2:])], dim=1)
        features = []
        for block in self.down_blocks:
            out = block(out)
            features.append(out)
        return Scores(self.conv(out).float(), features)


class MultiScaleDiscriminator(nn.Module):
    """Picture (B, 3, S, S) in [0, 1], with keypoints (B, K, 2) if use_kp -> Scores for each of `scales`."""

    def __init__(self, scales: Sequence[float], num_kp: int, **options: Any):
        super().__init__()
        self.scales = list(scales)
        self.discs = nn.ModuleDict({scale_name(s): PatchDiscriminator(num_kp=num_kp, **options) for s in scales})
        self.pyramid = Pyramid(scales)
        self.num_blocks: int = options["num_blocks"]

    def forward(self, image: Tensor, keypoints: Tensor | None = None) -> list[Scores]:
        return [disc(small, keypoints) for disc, small in zip(self.discs.values(), self.pyramid(image))]

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless pictures of side `size` leave a patch to score at every scale."""
        side, enough = round(size * min(self.scales)), True
        for block in range(self.num_blocks):
            side -= 3
            enough = enough and side >= (2 if block else 1)  # instance norm needs more than one position
            side //= 2
        if not enough:
            raise ValueError(
                f"image_size {size} leaves the discriminator nothing to score at scale {min(self.scales):g} "
                f"(num_blocks is {self.num_blocks}): use larger pictures, fewer blocks or no such scale"
            )


def scale_name(scale: float) -> str:
    """1 -> "1", 0.5 -> "0-5": module names can't hold a dot."""
    return f"{scale:g}".replace(".", "-")
