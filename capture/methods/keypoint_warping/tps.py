"""Random smooth deformations: an affine map plus a thin-plate spline (Siarohin et al., NeurIPS 2019, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from capture.nn.geometry import apply_matrix, coordinate_grid, warp

AFFINE = 6  # numbers of an affine map
SAFE_LOG = 1e-6


def draw_deformations(batch: int, points_tps: int, rng: torch.Generator | None = None) -> Tensor:
    """Standard normal numbers (batch, 6 + points_tps^2) on the CPU, a row for each sample's Deformation."""
    return torch.randn(batch, AFFINE + points_tps**2, generator=rng)


class Deformation:
    """p -> A p + t + sum_k w_k r_k^2 log r_k, the last term on both axes, r_k the L1 distance to control point k.

    The control points are a points_tps x points_tps grid over the picture.

    Args:
        noise: (B, 6 + points_tps^2) standard normal, on the device where it is to work.
        sigma_affine: spread of A's and t's entries around the identity.  sigma_tps: of the weights w.
    """

    def __init__(self, noise: Tensor, sigma_affine: float = 0.05, sigma_tps: float = 0.005, points_tps: int = 5):
        noise = noise.float()
        affine = torch.eye(2, 3, device=noise.device) + sigma_affine * noise[:, :AFFINE].unflatten(1, (2, 3))
        self.matrix: Tensor = affine[:, None, :, :2]  # (B, 1, 2, 2)
        self.offset: Tensor = affine[:, None, :, 2]  # (B, 1, 2)
        self.weights = sigma_tps * noise[:, None, AFFINE:]  # (B, 1, P)
        self.control = coordinate_grid(points_tps, points_tps, noise.device).flatten(0, 1)  # (P, 2)

    def points(self, points: Tensor) -> Tensor:
        """Where points (B or 1, N, 2) go: (B, N, 2)."""
        distance = (points.unsqueeze(-2) - self.control).abs().sum(dim=-1)  # (B, N, P)
        bend = distance.square() * torch.log(distance + SAFE_LOG) * self.weights
        return apply_matrix(self.matrix, points) + self.offset + bend.sum(dim=-1, keepdim=True)

    def jacobian(self, points: Tensor) -> Tensor:
        """Derivative of `points` there, (B, N, 2, 2): row i, column j is d(new i) / d(old j)."""
        offset = points.unsqueeze(-2) - self.control  # (B, N, P, 2)
        distance = offset.abs().sum(dim=-1)  # (B, N, P)
        slope = 2 * distance * torch.log(distance + SAFE_LOG) + distance.square() / (distance + SAFE_LOG)
        bend = ((slope * self.weights).unsqueeze(-1) * torch.sign(offset)).sum(dim=-2)  # (B, N, 2)
        return self.matrix + bend.unsqueeze(-2)  # the same in both rows

    def picture(self, image: Tensor, align_corners: bool = False) -> Tensor:
        """The picture (B, C, H, W) whose point p shows what `image` has at `points(p)`; mirrored at the edges."""
        height, width = image.shape[-2:]
        grid = self.points(coordinate_grid(height, width, image.device).flatten(0, 1).unsqueeze(0))  # (B, H W, 2)
        return warp(image, grid.unflatten(1, (height, width)), align_corners, outside="reflection")
