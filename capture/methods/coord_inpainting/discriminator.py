"""A patch discriminator with spectral normalisation: is the picture real, given the target's map?"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.spectral_norm import SpectralNormConv2d

IN_CHANNELS = 6  # picture 3, target_uv 2, target_mask 1


class PatchDiscriminator(nn.Module):
    """Three halvings (Isola et al., CVPR 2017), spectral normalisation (Miyato et al., ICLR 2018), LeakyReLU 0.2.

    Args:
        width: channels after the first layer, doubled by the next two.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        sizes = (IN_CHANNELS, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(SpectralNormConv2d(a, b, 4, 2, 1) for a, b in zip(sizes, sizes[1:]))
        self.final = SpectralNormConv2d(4 * width, 1, 3, 1, 1)

    def forward(self, picture: Tensor, uv: Tensor, mask: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1], (B, 2, S, S) with NaN outside, (B, 1, S, S) -> scores (B, 1, S/8, S/8)."""
        x = torch.cat([picture, uv.nan_to_num(0.0), mask], dim=1).to(self.final.weight_orig.dtype)  # (B, 6, S, S)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)  # half the side each
        out: Tensor = self.final(x)  # (B, 1, S/8, S/8)
        return out
