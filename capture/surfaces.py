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
BACKGROUND = 0.1  # weight of a position of the background beside one of the character's
PLACE = 0.5  # weight of a distance of one position
MOST = 256  # positions of a target that are asked, the character's before the background's
_NEVER = -1e4


def surface_loss(
    query: Tensor,
    key: Tensor,
    t: float,
    identity_uv: Tensor,
    target_uv: Tensor,
    offset: Tensor | int = 0,
    place: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """How far attention is from where surfaces lie: Kullback-Leibler divergence of its rows from the true ones.

    Positions whose point the identity picture does not show count nothing, nor do samples without maps.

    Args:
        query, key: (B, d, H, W) of the target's and of the identity's positions.  t: the temperature.
        identity_uv, target_uv: uint8 (B, 3, S, S), zeros for a sample whose surfaces are not known.
        offset: which positions, where not all are asked (a tensor: nothing waits for it).
        place: (B, 2, H, W), where each of the target's positions comes from, where that is known (Warp): PLACE times
            how far that is from the truth is added, in positions.
    Returns:
        The loss, and of the character's positions `attention_right`, the share whose attention is highest on the right
        part, and with `place` the mean distance `place_miss`.
    """
    side = query.shape[-1]
    there = _at(target_uv, side).flatten(2)  # (B, 3, N)
    chosen = _choose(there[:, 0] > 0, offset)  # (B, M)
    asked = _of(query.flatten(2), chosen).transpose(1, 2).float()  # (B, M, d)
    logits = torch.bmm(asked, key.flatten(2).float()) / t  # (B, M, N)
    there = _of(there, chosen)[..., None]  # (B, 3, M, 1)
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
    counted = drawn[..., 0] & (weight > 0)  # (B, M)
    count = counted.sum().clamp(min=1)
    found = {"attention_right": (right & counted).sum() / count}
    if place is not None:
        middles = torch.arange(side, device=query.device) + 0.5
        at = torch.stack(torch.meshgrid(middles, middles, indexing="xy")).flatten(1)  # (2, N)
        miss = (_of(place.flatten(2), chosen).transpose(1, 2) - wanted @ at.T).norm(dim=-1)  # (B, M)
        found["place_miss"] = (miss * counted).sum() / count
        loss = loss + PLACE * found["place_miss"]
    return loss, found


def _at(uv: Tensor, side: int) -> Tensor:
    """What lies at the middle of each of side x side cells: (B, 3, S, S) -> float (B, 3, side, side)."""
    step = uv.shape[-1] // side
    return uv[:, :, step // 2 :: step, step // 2 :: step].float()


def _choose(drawn: Tensor, offset: Tensor | int) -> Tensor:
    """At most MOST positions of each row of (B, N), spread over those that are drawn and then over the others."""
    n = drawn.shape[1]
    spread = (torch.arange(n, device=drawn.device) * 0.618034 + offset * 0.377) % 1  # no two of a neighbourhood alike
    return (drawn + spread).topk(min(MOST, n), dim=1).indices


def _of(x: Tensor, chosen: Tensor) -> Tensor:
    """(B, C, N) at the positions (B, M) -> (B, C, M)."""
    return x.gather(2, chosen[:, None].expand(-1, x.shape[1], -1))
