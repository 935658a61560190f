"""Outlines: around the figure, where one solid is in front of another, and where two garments meet."""

from __future__ import annotations

import torch
from torch import Tensor

_STEP = 0.045  # of the figure's height: a jump in depth that deserves a line between solids of one group
_FOLD = 0.12  # ... and within one solid (the rim of a skirt before its far side)


def grown(mask: Tensor, radius: int) -> Tensor:
    """A boolean (N, S, S) mask dilated by a disc-like neighbourhood."""
    for step in range(radius):
        mask = _cross(mask) if step % 2 == 0 else _square(mask)
    return mask


def _cross(m: Tensor) -> Tensor:
    out = m.clone()
    out[:, 1:] |= m[:, :-1]
    out[:, :-1] |= m[:, 1:]
    out[:, :, 1:] |= m[:, :, :-1]
    out[:, :, :-1] |= m[:, :, 1:]
    return out


def _square(m: Tensor) -> Tensor:
    out = m.clone()
    out[:, 1:] |= m[:, :-1]
    out[:, :-1] |= m[:, 1:]
    wide = out.clone()
    wide[:, :, 1:] |= out[:, :, :-1]
    wide[:, :, :-1] |= out[:, :, 1:]
    return wide


def inner_lines(solid: Tensor, group: Tensor, depth: Tensor, height: Tensor, both: bool) -> Tensor:
    """Lines inside the figure, (N, S, S) bool, drawn on the farther side of each edge (`both`: on both sides).

    Args:
        solid: (N, S, S) number of the solid, -1 on the background.
        group: (N, S, S) outline group of the solid.
        depth: (N, S, S) towards the viewer, in pixels.
        height: (N,) height of the figure in pixels, the unit of the thresholds.
    """
    lines = torch.zeros_like(solid, dtype=torch.bool)
    step, fold = (height * share for share in (_STEP, _FOLD))
    for axis in (1, 2):
        n = solid.shape[axis] - 1
        sa, sb = solid.narrow(axis, 0, n), solid.narrow(axis, 1, n)
        ga, gb = group.narrow(axis, 0, n), group.narrow(axis, 1, n)
        jump = depth.narrow(axis, 0, n) - depth.narrow(axis, 1, n)
        size = jump.abs()
        edge = (ga != gb) | ((sa != sb) & (size > step[:, None, None])) | (size > fold[:, None, None])
        edge &= (sa >= 0) & (sb >= 0)
        first, second = (edge, edge) if both else (edge & (jump < 0), edge & (jump >= 0))
        lines.narrow(axis, 0, n).logical_or_(first)
        lines.narrow(axis, 1, n).logical_or_(second)
    return lines
