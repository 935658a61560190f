"""Filling the unknown texels of a texture of coordinates without learning: pull-push, and the mirror image.

Pull-push (Gortler et al., The Lumigraph, SIGGRAPH 1996): known values are averaged over coarser and coarser squares,
and what is unknown takes the finest average that there is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.coord_inpainting.atlas import from_part_squares, in_mirror, part_squares


def pull_push(values: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Fill a texture from its known texels.

    Args:
        values: (B, C, H, W).  weight: (B, 1, H, W), 0 for unknown, up to 1 for known.
    Returns:
        The values, (B, C, H, W), and their weights, (B, 1, H, W), which are 0 only where nothing is known at all.
    """
    height, width = values.shape[-2:]
    if height == 1 and width == 1:
        return values, weight
    padded = F.pad(torch.cat([values * weight, weight], dim=1), (0, width % 2, 0, height % 2))
    sums = 4 * F.avg_pool2d(padded, 2)  # (B, C + 1, H/2, W/2)
    total = sums[:, -1:]
    coarse, coarse_weight = pull_push(sums[:, :-1] / total.clamp(min=1e-12), total.clamp(max=1))
    coarse = _doubled(coarse * (coarse_weight > 0), height, width)  # (B, C, H, W)
    present = _doubled((coarse_weight > 0).to(values.dtype), height, width)  # (B, 1, H, W)
    coarse = coarse / present.clamp(min=1e-6)
    return values * weight + coarse * (1 - weight), weight + (1 - weight) * (present > 0)


def _doubled(x: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]


def fill_coordinates(xy: Tensor, known: Tensor, parts: bool, mirror: bool) -> Tensor:
    """Complete coordinates (B, 2, T, T) from their known texels (B, 1, T, T); known ones stay.

    Args:
        parts: the texture is a toon atlas: parts are filled from themselves, and what is wholly unknown gets the mean
            of all known coordinates.
        mirror: points that only the mirror image of the body shows count as known, after the body's own.
    """
    weight, values = known, xy
    if mirror:
        weight = torch.maximum(known, in_mirror(known))
        values = torch.where(known > 0, xy, in_mirror(xy))
    if parts:
        filled, there = (from_part_squares(t) for t in pull_push(part_squares(values), part_squares(weight)))
    else:
        filled, there = pull_push(values, weight)
    mean = (xy * known).sum(dim=(2, 3), keepdim=True) / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    return torch.where(there > 0, filled, mean)
