"""The patch discriminator of Liquid Warping GAN, and its global-local pair.

It is the PatchGAN of Isola et al. (CVPR 2017) with instance normalisation without affine parameters and no sigmoid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_WIDENING = 8  # channels grow up to so many times ndf


class PatchDiscriminator(nn.Module):
    """Scores of patches: (B, c_in, S, S) -> (B, 1, s, s), s = S / 2^n_layers - 2.

    Args:
        c_in: channels: of the picture and the conditional map of the pose beside it.
        ndf: channels after the first layer.  n_layers: convolutions that halve the side.
    """

    def __init__(self, c_in: int, ndf: int = 64, n_layers: int = 4):
        super().__init__()
        self.n_layers = n_layers
        layers: list[nn.Module] = [nn.Conv2d(c_in, ndf, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        width = ndf
        for level in range(1, n_layers + 1):
            wider = ndf * min(2**level, MOST_WIDENING)
            layers += [
                nn.Conv2d(width, wider, 4, stride=2 if level < n_layers else 1, padding=1),
                nn.InstanceNorm2d(wider),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            width = wider
        layers.append(nn.Conv2d(width, 1, 4, stride=1, padding=1))
        self.model = nn.Sequential(*layers)

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless pictures of side `size` leave a patch to score."""
        if size // 2**self.n_layers < 3:
            raise ValueError(
                f"lwgan_config.discriminator.n_layers {self.n_layers} needs pictures of at least "
                f"{3 * 2**self.n_layers} pixels, image_size is {size}: lower it"
            )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x.to(next(self.parameters()).dtype)).float()  # (B, 1, s, s)
        return out


class GlobalLocalDiscriminator(nn.Module):
    """One discriminator for whole pictures of backgrounds, one for the figure's box; scores along the batch.

    Args:
        c_global, c_local: channels of both inputs.  ndf, n_layers: of both discriminators.
    """

    def __init__(self, c_global: int = 4, c_local: int = 6, ndf: int = 64, n_layers: int = 4):
        super().__init__()
        self.global_model = PatchDiscriminator(c_global, ndf, n_layers)
        self.local_model = PatchDiscriminator(c_local, ndf, n_layers)

    def forward(self, whole: Tensor, picture: Tensor, boxes: Tensor) -> Tensor:
        """Scores (2 B, 1, s, s) of `whole` (B, c_global, S, S), then of `picture` (B, c_local, S, S) in `boxes`."""
        return torch.cat([self.global_model(whole), self.local_model(crop_and_resize(picture, boxes))])


def crop_and_resize(picture: Tensor, boxes: Tensor) -> Tensor:
    """Boxes of pictures, resized back to the pictures' size (bilinear, align_corners=True).

    Args:
        picture: (B, C, S, S).  boxes: integers (B, 4): min_x, max_x, min_y, max_y, the maxima exclusive; an empty box
            stands for the whole picture.
    """
    crops = []
    for one, (left, right, top, bottom) in zip(picture, boxes.tolist()):
        crop = one[None, :, top:bottom, left:right]
        crop = crop if crop.numel() else one[None]
        crops.append(F.interpolate(crop, picture.shape[-2:], mode="bilinear", align_corners=True))
    return torch.cat(crops)  # (B, C, S, S)
