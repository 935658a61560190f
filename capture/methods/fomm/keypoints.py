"""FOMM's keypoints: soft-argmax of heat maps, and a Jacobian around each (Siarohin et al., NeurIPS 2019)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from capture.nn.antialias import AntiAliasDown
from capture.nn.geometry import coordinate_grid
from capture.nn.hourglass import Hourglass


class Keypoints(NamedTuple):
    """K local frames per picture, float32.

    Attributes:
        value: (B, K, 2) positions in [-1, 1].  jacobian: (B, K, 2, 2), or None where only positions are estimated.
    """

    value: Tensor
    jacobian: Tensor | None = None

    def detach(self) -> Keypoints:
        return Keypoints(*(None if part is None else part.detach() for part in self))


def heat_maps(logits: Tensor, temperature: float) -> Tensor:
    """Logits (B, K, h, w) of any type -> float32 maps that sum to 1 over their positions."""
    return (logits.float().flatten(2) / temperature).softmax(dim=2).unflatten(2, logits.shape[2:])


def soft_argmax(heat: Tensor) -> Tensor:
    """Mean position of heat maps (B, K, h, w) -> (B, K, 2)."""
    grid = coordinate_grid(*heat.shape[-2:], device=heat.device)
    return (heat.unsqueeze(-1) * grid).sum(dim=(2, 3))


def weighted_matrices(heat: Tensor, maps: Tensor) -> Tensor:
    """2x2 matrices as means of maps (B, 4 or 4K, h, w), one for all or one each, under heat maps (B, K, h, w)."""
    maps = maps.float().unflatten(1, (-1, 4))  # (B, 1 or K, 4, h, w)
    return (heat.unsqueeze(2) * maps).sum(dim=(-2, -1)).unflatten(-1, (2, 2))  # (B, K, 2, 2)


class KeypointDetector(nn.Module):
    """Picture (B, 3, S, S) in [0, 1] -> Keypoints.

    Args:
        scale_factor: the picture is shrunk to this before anything else.
        single_jacobian_map: one Jacobian map for all keypoints instead of one each.
        pad: around the 7x7 heads.
    """

    def __init__(
        self,
        num_kp: int = 10,
        block_expansion: int = 32,
        max_features: int = 1024,
        num_blocks: int = 5,
        temperature: float = 0.1,
        scale_factor: float = 0.25,
        estimate_jacobian: bool = True,
        single_jacobian_map: bool = False,
        pad: int = 0,
    ):
        super().__init__()
        self.temperature = temperature
        self.predictor = Hourglass(block_expansion, 3, num_blocks, max_features)
        self.kp = nn.Conv2d(self.predictor.out_channels, num_kp, 7, padding=pad)
        self.jacobian = None
        if estimate_jacobian:
            maps = 1 if single_jacobian_map else num_kp
            self.jacobian = nn.Conv2d(self.predictor.out_channels, 4 * maps, 7, padding=pad)
        if scale_factor != 1:
            self.down = AntiAliasDown(3, scale_factor)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Jacobians start as identities."""
        if self.jacobian is not None:
            start_as_identity(self.jacobian)

    def forward(self, image: Tensor) -> Keypoints:
        if hasattr(self, "down"):
            image = self.down(image)  # (B, 3, S * scale_factor, same)
        features = self.predictor(image)
        heat = heat_maps(self.kp(features), self.temperature)  # (B, K, h, w)
        jacobian = None if self.jacobian is None else weighted_matrices(heat, self.jacobian(features))
        return Keypoints(soft_argmax(heat), jacobian)


@torch.no_grad()
def start_as_identity(head: nn.Conv2d) -> None:
    """Have a convolution to 4K channels say "identity matrix" K times, wherever it looks."""
    head.weight.zero_()
    head.bias.copy_(torch.eye(2).flatten().repeat(len(head.bias) // 4))
