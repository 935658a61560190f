"""Coordinates, 2x2 matrices and warping: the float32 arithmetic that FOMM and MRAA share.

A point is (x, y); the first and the last row or column of a picture lie at -1 and 1. Products are written out instead
of using matmul, which autocast would do in bfloat16.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_DETERMINANT = 1e-30  # smaller ones count as singular


def coordinate_grid(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """The points of a height x width picture, (height, width, 2) float32."""
    x = torch.linspace(-1, 1, width, device=device)
    y = torch.linspace(-1, 1, height, device=device)
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)


def apply_matrix(matrix: Tensor, points: Tensor) -> Tensor:
    """Matrices (..., 2, 2) times points (..., 2); leading sizes broadcast."""
    return matrix[..., 0] * points[..., :1] + matrix[..., 1] * points[..., 1:]


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Product of matrices (..., n, m) and (..., m, k), for small m; leading sizes broadcast."""
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(dim=-2)


def inverse(matrix: Tensor) -> Tensor:
    """Inverse of 2x2 matrices (..., 2, 2), without waiting for the device.

    A singular matrix, which a heat map of a single pixel gives, becomes zeros without a gradient; a solver would raise.
    """
    a, b, c, d = matrix.flatten(-2).unbind(-1)
    determinant = a * d - b * c
    regular = determinant.abs() > SMALLEST_DETERMINANT
    scale = regular / torch.where(regular, determinant, 1.0)
    return torch.stack([d, -b, -c, a], dim=-1).unflatten(-1, (2, 2)) * scale[..., None, None]


def same_sign(matrix: Tensor) -> Tensor:
    """The sign (..., 1, 1) that makes the first entry of matrices (..., 2, 2) positive."""
    return torch.sign(matrix[..., :1, :1])


def apply_projective(matrix: Tensor, points: Tensor) -> Tensor:
    """3x3 projective maps (..., 3, 3) of points (..., 2); leading sizes broadcast."""
    moved = apply_matrix(matrix[..., :2, :2], points) + matrix[..., :2, 2]
    depth = (matrix[..., 2, :2] * points).sum(dim=-1, keepdim=True) + matrix[..., 2, 2:]
    return moved / depth


def gaussians(centres: Tensor, spread: Tensor | float, height: int, width: int) -> Tensor:
    """Unnormalised Gaussians over a picture, 1 at their centres.

    Args:
        centres: (B, K, 2).  spread: a variance, or covariances (B, K, 2, 2).
    Returns:
        (B, K, height, width).
    """
    offset = coordinate_grid(height, width, centres.device) - centres[:, :, None, None]  # (B, K, H, W, 2)
    if isinstance(spread, Tensor):
        whitened = apply_matrix(inverse(spread)[:, :, None, None], offset)
        return torch.exp(-0.5 * (whitened * offset).sum(dim=-1))
    return torch.exp(-0.5 * offset.square().sum(dim=-1) / spread)


def warp(image: Tensor, grid: Tensor, align_corners: bool, outside: str = "zeros") -> Tensor:
    """Look up `image` (B, C, H, W) at the points of `grid` (B, h, w, 2), bilinearly, in float32.

    Args:
        align_corners: the points -1 and 1 are the centres of the outermost pixels, as `coordinate_grid` has it and
            torch did up to 1.2. False: the points are the outer edges of these pixels, torch's default since 1.3.
        outside: zeros | border | reflection.
    Returns:
        (B, C, h, w) of the image's type.
    """
    with torch.autocast(image.device.type, enabled=False):
        looked_up = F.grid_sample(image.float(), grid, padding_mode=outside, align_corners=align_corners)
    return looked_up.to(image.dtype)


def resize_map(values: Tensor, height: int, width: int) -> Tensor:
    """Bilinearly resize a map (B, C, h, w) to (B, C, height, width), unless it has that size."""
    if values.shape[-2:] == (height, width):
        return values
    return F.interpolate(values, size=(height, width), mode="bilinear", align_corners=False)


def warp_features(features: Tensor, flow: Tensor, align_corners: bool) -> Tensor:
    """Warp features (B, C, H, W) by a flow (B, h, w, 2) of another resolution."""
    flow = resize_map(flow.permute(0, 3, 1, 2), *features.shape[-2:]).permute(0, 2, 3, 1)
    return warp(features, flow, align_corners)
