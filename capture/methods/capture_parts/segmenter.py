"""Which body part each position of a picture shows."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from capture.methods.capture_parts.mix_style import StyleMixing, mix_style
from capture.nn.blocks import ConvBlock, ResBlock
from capture.nn.init import OwnInit
from capture.nn.unet import UNet

FEATURES = 24  # channels of the features beside the logits


class Segmentation(NamedTuple):
    """What a picture shows at each of h x w positions."""

    logits: Tensor  # (B, parts + 1, h, w) float32: background, then the parts
    features: Tensor  # (B, FEATURES, h, w) float32, learnt from what they are used for


class PartSegmenter(OwnInit):
    """A U-Net of four halvings, the same for the identity's and the pose's picture.

    Its smallest map has seen the whole figure, which tells a sleeve from a trouser leg of the same cloth.

    Args:
        num_parts: body parts beside the background.  c_in: channels of the picture.  c: channels at full size, which
            are doubled at each halving, up to five times as many.  halvings: of the U-Net.
    """

    def __init__(self, num_parts: int, c_in: int = 3, c: int = 32, halvings: int = 4):
        super().__init__()
        self.num_parts = num_parts
        self.stem = ConvBlock(c_in, c, norm="in")
        self.unet = UNet(*(min(c * 2**k, 5 * c) for k in range(halvings + 1)), norm="in")
        self.post = ResBlock(c, c)
        self.head = nn.Conv2d(c, num_parts + 1 + FEATURES, 1)

    def init_own(self) -> None:
        """Logits start at a hundredth of the usual size: at first no part is much likelier than another."""
        self.head.weight.data[: self.num_parts + 1] *= 0.01

    def forward(self, picture: Tensor, mixing: StyleMixing | None = None) -> Segmentation:
        """(B, c_in, h, w) -> logits and features of the same size.

        Args:
            mixing: of the statistics of the first features and of those at half the size.
        """
        x, mix = self.stem(picture), None
        if mixing is not None:
            mix = partial(mix_style, mixing=mixing)
            x = mix(x)
        x = self.post(self.unet(x, mix))  # (B, c, h, w)
        logits, features = self.head(x).float().split([self.num_parts + 1, FEATURES], dim=1)
        return Segmentation(logits, features)
