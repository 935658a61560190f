"""FOMM's keypoints: soft-argmax of heat maps, and a Jacobian around each (Siarohin et al., NeurIPS 2019)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from capture.methods.keypoint_warping.heat_maps import heat_maps, soft_argmax, start_as_identity, weighted_matrices
from capture.nn.antialias import AntiAliasDown
from capture.nn.hourglass import Hourglass


class Keypoints(NamedTuple):
    """K local frames per picture, float32.

    Attributes:
        value: (B, K, 2) positions in [-1, 1].  jacobian: (B, K, 2, 2), or None where only positions are estimated.
    """

    value: Tensor
    jacobian: Tensor | None = None

    @property
    def frames(self) -> Tensor:
        """`jacobian`, for what needs it. ValueError where only positions are estimated."""
        if self.jacobian is None:
            raise ValueError("these keypoints have no Jacobians: set estimate_jacobian")
        return self.jacobian

    def detach(self) -> Keypoints:
        return Keypoints(self.value.detach(), None if self.jacobian is None else self.jacobian.detach())


class KeypointDetector(nn.Module):
    """Picture (B, 3, S, S) in [0, 1] -> Keypoints.

    Args:
        scale_factor: the picture is shrunk by this factor first.
        estimate_jacobian: false: positions alone.
        single_jacobian_map: one Jacobian map for all keypoints instead of one each.
    """

    def __init__(
        self,
        num_kp: int,
        block_expansion: int,
        max_features: int,
        num_blocks: int,
        temperature: float,
        scale_factor: float,
        estimate_jacobian: bool,
        single_jacobian_map: bool,
    ):
        super().__init__()
        self.temperature = temperature
        self.predictor = Hourglass(block_expansion, 3, num_blocks, max_features)
        self.kp = nn.Conv2d(self.predictor.out_channels, num_kp, 7)
        self.jacobian = None
        if estimate_jacobian:
            maps = 1 if single_jacobian_map else num_kp
            self.jacobian = nn.Conv2d(self.predictor.out_channels, 4 * maps, 7)
        self.down = None if scale_factor == 1 else AntiAliasDown(3, scale_factor)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Jacobians start as identities."""
        if self.jacobian is not None:
            start_as_identity(self.jacobian)

    def forward(self, image: Tensor) -> Keypoints:
        if self.down is not None:
            image = self.down(image)  # (B, 3, h, w), h = S * scale_factor
        features = self.predictor(image)  # (B, block_expansion + 3, h, w)
        heat = heat_maps(self.kp(features), self.temperature)  # (B, K, h - 6, w - 6)
        jacobian = None if self.jacobian is None else weighted_matrices(heat, self.jacobian(features))  # (B, K, 2, 2)
        return Keypoints(soft_argmax(heat), jacobian)
