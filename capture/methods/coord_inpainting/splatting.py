"""Splatting: a texture from a picture and the map that says where each pixel lies in the texture.

The adjoint of bilinear sampling: every pixel is shared among the four texels around its position, and each texel takes
the weighted mean of what fell on it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from capture.methods.coord_inpainting.grids import Convention

SMALLEST_WEIGHT = 1e-10  # the sum of weights from which on a texel counts as known


def splat_sums(values: Tensor, uv: Tensor, size: tuple[int, int], convention: Convention) -> tuple[Tensor, Tensor]:
    """The weighted sum of the values on each texel, and the sum of the weights.

    Args:
        values: (B, C, h, w).
        uv: (B, 2, h, w), coordinates in the texture; what lies more than a texel outside [-1, 1] is dropped.
        size: (H, W) of the texture.
    Returns:
        (B, C, H, W) and (B, 1, H, W), both float32 and differentiable with respect to values and uv.
    """
    with torch.autocast(values.device.type, enabled=False):
        return _splat_sums(values.float(), uv.float(), size, convention)


def _splat_sums(values: Tensor, uv: Tensor, size: tuple[int, int], convention: Convention) -> tuple[Tensor, Tensor]:
    height, width = size
    batch, channels = values.shape[:2]
    # a border of a texel on two sides and two on the others takes what falls outside, and is cut off in the end
    column = (convention.to_texels(uv[:, 0], width) + 1).clamp(0, width + 1).flatten(1)  # (B, h * w)
    row = (convention.to_texels(uv[:, 1], height) + 1).clamp(0, height + 1).flatten(1)  # (B, h * w)
    content = torch.cat([values, torch.ones_like(values[:, :1])], dim=1).flatten(2)  # (B, C + 1, h * w)
    left, top = column.detach().floor(), row.detach().floor()
    sums = content.new_zeros(batch, channels + 1, (height + 3) * (width + 3))
    for down in (0, 1):
        for right in (0, 1):
            weight = (1 - (row - top - down).abs()) * (1 - (column - left - right).abs())  # (B, h * w)
            index = ((top + down) * (width + 3) + left + right).long()  # (B, h * w)
            share = content * weight.unsqueeze(1)  # (B, C + 1, h * w)
            sums = sums.scatter_add(2, index.unsqueeze(1).expand_as(share), share)
    sums = sums.unflatten(2, (height + 3, width + 3))[:, :, 1 : height + 1, 1 : width + 1]  # (B, C + 1, H, W)
    return sums[:, :channels], sums[:, channels:]


def splat(values: Tensor, uv: Tensor, size: tuple[int, int], convention: Convention) -> tuple[Tensor, Tensor]:
    """The texture and which of its texels are known.

    Args, see splat_sums.
    Returns:
        (B, C, H, W), 0 where nothing fell, and (B, 1, H, W) of 0 and 1.
    """
    total, weight = splat_sums(values, uv, size, convention)
    known = (weight > SMALLEST_WEIGHT).to(weight.dtype)
    return total / (weight + SMALLEST_WEIGHT) * known, known
