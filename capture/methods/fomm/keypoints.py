"""FOMM's keypoints: soft-argmax of heat maps, and a Jacobian around each (Siarohin et al., NeurIPS 2019)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from capture.methods.keypoint_warping.heat_maps import (
    HeatMapNetwork,
    heat_maps,
    soft_argmax,
    start_as_identity,
    weighted_matrices,
)


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


class KeypointDetector(HeatMapNetwork):
    """Picture (B, 3, S, S) in [0, 1] -> Keypoints.

    Args:
        block_expansion, max_features, num_blocks, temperature, scale_factor: see HeatMapNetwork.
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
        super().__init__(block_expansion, max_features, num_blocks, temperature, scale_factor)
        self.kp = nn.Conv2d(self.predictor.out_channels, num_kp, 7)
        self.jacobian = None
        if estimate_jacobian:
            maps = 1 if single_jacobian_map else num_kp
            self.jacobian = nn.Conv2d(self.predictor.out_channels, 4 * maps, 7)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Jacobians start as identities."""
        if self.jacobian is not None:
            start_as_identity(self.jacobian)

    def forward(self, image: Tensor) -> Keypoints:
        features = self.features(image)  # (B, block_expansion + 3, h, w), h = S * scale_factor
        heat = heat_maps(self.kp(features), self.temperature)  # (B, K, h - 6, w - 6)
        jacobian = None if self.jacobian is None else weighted_matrices(heat, self.jacobian(features))  # (B, K, 2, 2)
        return Keypoints(soft_argmax(heat), jacobian)
