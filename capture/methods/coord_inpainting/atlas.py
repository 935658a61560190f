"""The atlas: where the pixels of a map lie in the texture, and which texels belong to one surface.

The toon atlas (also that of rendered datasets) has a square for each part and, in it, a cell for each solid, so that
neighbouring texels may belong to unrelated surfaces. The SMPL atlas (DensePose converted) is one chart without cells.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from capture.io.iuv import ATLAS_GRID, PARTS, SLOT_GRID

SIDES = {"l_": "r_", "r_": "l_"}


def to_uv(dense_map: Tensor) -> Tensor:
    """Coordinates in the atlas, (B, 2, S, S) float32 in [-1, 1], NaN for background.

    Args:
        dense_map: an IUV map, uint8 (B, 3, S, S) in the numbers of PARTS; or such coordinates already, float
            (B, 2, S, S), as files of SMPL coordinates hold them. Part numbers that there are not are background.
    Raises:
        ValueError: neither of these.
    """
    if dense_map.dim() == 4 and dense_map.shape[1] == 2 and dense_map.is_floating_point():
        return dense_map.float()
    if dense_map.dim() != 4 or dense_map.shape[1] != 3 or dense_map.dtype != torch.uint8:
        raise ValueError(
            f"a dense map is uint8 (B, 3, S, S) or float (B, 2, S, S), not {dense_map.dtype} {tuple(dense_map.shape)}"
        )
    part = dense_map[:, :1].long()  # (B, 1, S, S)
    inside = (part > 0) & (part <= len(PARTS))
    square = torch.cat([(part - 1) % ATLAS_GRID, torch.div(part - 1, ATLAS_GRID, rounding_mode="floor")], dim=1)
    uv = (square + (dense_map[:, 1:].float() / 255).clamp(max=0.9999)) / ATLAS_GRID  # (B, 2, S, S) in [0, 1]
    return torch.where(inside, 2 * uv - 1, torch.nan)


def validity(uv: Tensor) -> Tensor:
    """(B, 1, S, S): 1 where any coordinate of uv (B, 2, S, S) is not NaN, as the release takes it."""
    return (~uv.isnan()).any(dim=1, keepdim=True).float()


def keep_inside_cells(uv: Tensor, size: int) -> Tensor:
    """Move coordinates of the toon atlas to the nearest position between two texels of their own cell.

    A bilinear footprint then never reaches across a seam, in splatting and in reading alike. For texel centres at
    (2i + 1)/size - 1.

    Args:
        uv: (B, 2, S, S), NaN for background, which stays.  size: side T of the texture.
    """
    unit = ((uv + 1) / 2).nan_to_num(0.0).clamp(0, 1 - 1e-6)  # (B, 2, S, S)
    square = (unit * ATLAS_GRID).floor()  # (B, 2, S, S)
    grid = torch.from_numpy(SLOT_GRID).to(uv.device)[(square[:, 1] * ATLAS_GRID + square[:, 0]).long()]  # (B, S, S)
    lines = (ATLAS_GRID * grid).unsqueeze(1)  # cells along a side of the atlas if all parts were divided so
    cell = (unit * lines).floor()  # (B, 2, S, S)
    first = (cell / lines * size - 0.5).ceil()  # first texel whose centre is in the cell
    last = ((cell + 1) / lines * size - 0.5).ceil() - 1
    texel = unit * size - 0.5
    texel = torch.where(last >= first, torch.minimum(torch.maximum(texel, first), last), texel.round())
    return torch.where(uv.isnan(), uv, (2 * texel.clamp(0, size - 1) + 1) / size - 1)


@functools.lru_cache(maxsize=16)
def mirrored_texels(size: int) -> Tensor:
    """Of every texel of the toon atlas, the index of the one that shows the same point in a mirror, (size^2) int64.

    Left parts become right ones, and u runs the other way around each solid.
    """
    centre = (np.arange(size) + 0.5) / size * ATLAS_GRID
    column, row = np.meshgrid(centre, centre)
    part = row.astype(int) * ATLAS_GRID + column.astype(int)
    twin = np.array(
        [PARTS.index(SIDES[name[:2]] + name[2:]) if name[:2] in SIDES else k for k, name in enumerate(PARTS)]
    )
    grid = SLOT_GRID[part]
    u, v = (column % 1) * grid, row % 1
    u = (np.floor(u) + 1 - u % 1) / grid
    other = twin[part]
    x, y = (other % ATLAS_GRID + u) / ATLAS_GRID * size, (other // ATLAS_GRID + v) / ATLAS_GRID * size
    # what lies on a texel's border belongs to the texel that the mirror image of the border leads to
    x, y = (np.clip(np.floor(at - 1e-6), 0, size - 1).astype(int) for at in (x, y))
    return torch.from_numpy(y * size + x).flatten()


def in_mirror(texture: Tensor) -> Tensor:
    """A texture (B, C, T, T) of the toon atlas as the mirror image of the body would have it."""
    index = mirrored_texels(texture.shape[-1]).to(texture.device)
    return texture.flatten(2)[:, :, index].view_as(texture)


def part_squares(texture: Tensor) -> Tensor:
    """(B, C, T, T) -> (B * 25, C, T/5, T/5), a square for each part; T is a multiple of 5."""
    side = texture.shape[-1] // ATLAS_GRID
    squares = texture.unflatten(3, (ATLAS_GRID, side)).unflatten(2, (ATLAS_GRID, side))  # (B, C, 5, n, 5, n)
    out: Tensor = squares.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    return out


def from_part_squares(squares: Tensor) -> Tensor:
    """The inverse of `part_squares`."""
    squares = squares.unflatten(0, (-1, ATLAS_GRID, ATLAS_GRID))  # (B, 5, 5, C, n, n)
    return squares.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
