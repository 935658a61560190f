"""Attention taught by surfaces: where the data knows which point of a character each pixel shows.

An IUV map holds, for each pixel, the number of the body part (0: background) and the point's coordinates u, v on it
(the notation of DensePose, Güler et al., CVPR 2018). A position of the target then belongs to those positions of the
identity picture that show the same point, or one near it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MAPS = "_uv"  # how the names of a batch's IUV maps end
NEAR = 0.08  # standard deviation, in units of a part's width, of what counts as the same point
FAR = 3.0  # squared distances beyond this (in 2 NEAR²) say that the identity picture does not show the point
BACKGROUND = 0.3  # weight of a position of the background beside one of the character's
MOST = 256  # positions of a target that are asked, on a regular grid
_NEVER = -1e4


def surface_loss(
    query: Tensor, key: Tensor, t: float, identity_uv: Tensor, target_uv: Tensor, offset: Tensor | int = 0
) -> tuple[Tensor, Tensor]:
    """How far attention is from where surfaces lie: Kullback-Leibler divergence of its rows from the true ones.

    Positions whose point the identity picture does not show count nothing, nor do samples without maps.

    Args:
        query, key: (B, d, H, W) of the target's and of the identity's positions.  t: the temperature.
        identity_uv, target_uv: uint8 (B, 3, S, S), zeros for a sample whose surfaces are not known.
        offset: which of the grids of positions, where not all are asked (a tensor: nothing waits for it).
    Returns:
        The loss, and the share of the character's positions whose attention is highest on the right part.
    """
    side = query.shape[-1]
    step = max(round((side * side / MOST) ** 0.5), 1)
    grid = torch.arange(0, side - step + 1, step, device=query.device) + offset % step
    asked = _on(query, grid).transpose(1, 2).float()  # (B, M, d)
    logits = torch.bmm(asked, key.flatten(2).float()) / t  # (B, M, N)
    there = _on(_at(target_uv, side), grid)[:, :, :, None]  # (B, 3, M, 1)
    here = _at(identity_uv, side).flatten(2)[:, :, None]  # (B, 3, 1, N)

    same, drawn = there[:, 0] == here[:, 0], there[:, 0] > 0  # (B, M, N), (B, M, 1)
    du, dv = ((there[:, k] - here[:, k]).abs() / 255 for k in (1, 2))
    du = torch.minimum(du, 1 - du)  # u runs around a limb
    distance = (du**2 + dv**2) / (2 * NEAR**2) * drawn
    score = torch.where(same, -distance, _NEVER)
    known = (identity_uv[:, 0].flatten(1).any(1) & target_uv[:, 0].flatten(1).any(1))[:, None]  # (B, 1)
    weight = (score.amax(-1) > -FAR) * known * torch.where(drawn[..., 0], 1.0, BACKGROUND)  # (B, M)

    wanted = torch.softmax(score, dim=-1)
    divergence = (wanted * (wanted.clamp(min=1e-9).log() - F.log_softmax(logits, dim=-1))).sum(-1)
    loss = (divergence * weight).sum() / weight.sum().clamp(min=1)
    right = same.gather(2, logits.argmax(-1, keepdim=True))[..., 0]
    counted = drawn[..., 0] & (weight > 0)
    return loss, (right & counted).sum() / counted.sum().clamp(min=1)


def _at(uv: Tensor, side: int) -> Tensor:
    """What lies at the middle of each of side x side cells: (B, 3, S, S) -> float (B, 3, side, side)."""
    step = uv.shape[-1] // side
    return uv[:, :, step // 2 :: step, step // 2 :: step].float()


def _on(x: Tensor, grid: Tensor) -> Tensor:
    """The positions of a map whose row and column are of `grid`: (B, C, H, W) -> (B, C, len(grid)²)."""
    return x.index_select(2, grid).index_select(3, grid).flatten(2)
