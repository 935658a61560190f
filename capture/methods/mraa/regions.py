"""MRAA's regions: where each part of a body is, how it lies and how large it is (Siarohin et al., CVPR 2021).

A region's heat map is a distribution over the picture. Its mean is the region's position; the principal axes of its
covariance are the region's own frame, measured instead of regressed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from capture.methods.keypoint_warping.heat_maps import (
    HeatMapNetwork,
    heat_maps,
    soft_argmax,
    start_as_identity,
    weighted_matrices,
)
from capture.nn.geometry import coordinate_grid, multiply


class Regions(NamedTuple):
    """K regions per picture, float32.

    Attributes:
        shift: (B, K, 2) centres in [-1, 1].  affine: (B, K, 2, 2) frames, None where only centres are estimated.
        covar: (B, K, 2, 2) covariances, None likewise.
    """

    shift: Tensor
    affine: Tensor | None = None
    covar: Tensor | None = None

    @property
    def frames(self) -> Tensor:
        """`affine`, for what needs it. ValueError where only centres are estimated."""
        if self.affine is None:
            raise ValueError("these regions have no frames: set estimate_affine or pca_based")
        return self.affine

    def detach(self) -> Regions:
        affine, covar = (None if part is None else part.detach() for part in (self.affine, self.covar))
        return Regions(self.shift.detach(), affine, covar)


def covariance(heat: Tensor, mean: Tensor) -> Tensor:
    """Covariance of heat maps (B, K, h, w) around their means (B, K, 2) -> (B, K, 2, 2)."""
    height, width = heat.shape[-2:]
    offset = coordinate_grid(height, width, heat.device) - mean[:, :, None, None]  # (B, K, h, w, 2)
    products = offset.unsqueeze(-1) * offset.unsqueeze(-2)  # (B, K, h, w, 2, 2)
    return (products * heat[..., None, None]).sum(dim=(2, 3))


def principal_axes(covar: Tensor) -> Tensor:
    """U sqrt(S) of covariances U S U^T (..., 2, 2): columns are the axes, as long as the standard deviations.

    Decomposed on the CPU as published, where the signs of the axes are LAPACK's, whatever the device.
    """
    symmetric = covar.view_as(covar).cpu()
    if symmetric.requires_grad:  # axes of the same length have no direction, and their gradient is not a number
        symmetric.register_hook(lambda gradient: torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0))
    axes, lengths, _ = torch.linalg.svd(symmetric)
    frames: Tensor = axes * lengths.sqrt().unsqueeze(-2)  # (..., 2, 2)
    return frames.to(covar.device)


class RegionPredictor(HeatMapNetwork):
    """Picture (B, 3, S, S) in [0, 1] -> Regions.

    Args:
        block_expansion, max_features, num_blocks, temperature, scale_factor: see HeatMapNetwork.
        estimate_affine: false, without pca_based: centres alone.
        pca_based: frames from covariances; false: from one regressed map of matrices for all regions.
        pad: zeros around the input of the 7x7 heads.
    """

    def __init__(
        self,
        num_regions: int,
        block_expansion: int,
        max_features: int,
        num_blocks: int,
        temperature: float,
        scale_factor: float,
        estimate_affine: bool,
        pca_based: bool,
        pad: int,
    ):
        super().__init__(block_expansion, max_features, num_blocks, temperature, scale_factor)
        self.pca_based = pca_based
        self.regions = nn.Conv2d(self.predictor.out_channels, num_regions, 7, padding=pad)
        regressed = estimate_affine and not pca_based
        self.jacobian = nn.Conv2d(self.predictor.out_channels, 4, 7, padding=pad) if regressed else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Regressed frames start as identities."""
        if self.jacobian is not None:
            start_as_identity(self.jacobian)

    def forward(self, image: Tensor) -> Regions:
        features = self.features(image)  # (B, block_expansion + 3, h, w), h = S * scale_factor
        heat = heat_maps(self.regions(features), self.temperature)  # (B, K, h - 6 + 2 pad, w - 6 + 2 pad)
        shift = soft_argmax(heat)  # (B, K, 2)
        if self.pca_based:
            covar = covariance(heat, shift)  # (B, K, 2, 2)
            return Regions(shift, principal_axes(covar), covar)
        if self.jacobian is None:
            return Regions(shift)
        affine = weighted_matrices(heat, self.jacobian(features))  # (B, K, 2, 2)
        return Regions(shift, affine, multiply(affine, affine.mT))
