"""Heat maps over a picture's positions, and what is measured under them: positions and 2x2 frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from capture.nn.antialias import AntiAliasDown
from capture.nn.geometry import coordinate_grid
from capture.nn.hourglass import Hourglass


class HeatMapNetwork(nn.Module):
    """What FOMM's keypoint detector and MRAA's region predictor share: an hourglass over the shrunk picture.

    Args:
        temperature: of the softmax over a heat map's positions.
        scale_factor: the picture is shrunk by this factor first.
    """

    def __init__(
        self, block_expansion: int, max_features: int, num_blocks: int, temperature: float, scale_factor: float
    ):
        super().__init__()
        self.temperature = temperature
        self.predictor = Hourglass(block_expansion, 3, num_blocks, max_features)
        self.down = None if scale_factor == 1 else AntiAliasDown(3, scale_factor)

    def features(self, image: Tensor) -> Tensor:
        """Picture (B, 3, S, S) in [0, 1] -> (B, block_expansion + 3, h, w), h = S * scale_factor."""
        if self.down is not None:
            image = self.down(image)  # (B, 3, h, w)
        features: Tensor = self.predictor(image)  # (B, block_expansion + 3, h, w)
        return features


def heat_maps(logits: Tensor, temperature: float) -> Tensor:
    """Logits (B, K, h, w) of any type -> float32 maps that sum to 1 over their positions."""
    flat = (logits.float().flatten(2) / temperature).softmax(dim=2)  # (B, K, h w)
    return flat.view(logits.shape)  # (B, K, h, w)


def soft_argmax(heat: Tensor) -> Tensor:
    """Mean position of heat maps (B, K, h, w) -> (B, K, 2)."""
    height, width = heat.shape[-2:]
    grid = coordinate_grid(height, width, heat.device)  # (h, w, 2)
    return (heat.unsqueeze(-1) * grid).sum(dim=(2, 3))


def weighted_matrices(heat: Tensor, maps: Tensor) -> Tensor:
    """2x2 matrices as means of maps (B, 4 or 4K, h, w), one for all or one each, under heat maps (B, K, h, w)."""
    maps = maps.float().unflatten(1, (-1, 4))  # (B, 1 or K, 4, h, w)
    entries = (heat.unsqueeze(2) * maps).sum(dim=(-2, -1))  # (B, K, 4)
    return entries.view(*entries.shape[:2], 2, 2)  # (B, K, 2, 2)


@torch.no_grad()
def start_as_identity(head: nn.Conv2d) -> None:
    """Set a convolution to 4K channels so that its output is the identity matrix, K times, at every position."""
    assert head.bias is not None
    head.weight.zero_()
    head.bias.copy_(torch.eye(2).flatten().repeat(head.out_channels // 4))
