"""Attention taught by IUV maps: where the data knows which surface point of a character each pixel shows.

An IUV map holds, for each pixel, the number of the body part (0: background) and the point's coordinates u, v on it
(the notation of DensePose, Güler et al., CVPR 2018). A position of the target then belongs to those positions of the
identity picture that show the same point, or one near it.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.nn.iuv import gather_positions, sample_positions, surface_weights

SIGMA = 0.08  # standard deviation, in units of a part's width, of what counts as the same point
FAR = 3.0  # squared distances beyond this (in 2 SIGMA²) say that the identity picture does not show the point
MAX_DISTANCE = SIGMA * (2 * FAR) ** 0.5  # 0.196
BACKGROUND_WEIGHT = 0.1  # weight of a position of the background beside one of the character's
CODE_WEIGHT = 3.0  # weight of a query's or key's distance from its point's code
PARTS = 64  # parts that have codes of their own
POINTS = 256  # positions of a target that are asked, the character's before the background's


def attention_loss(
    query: Tensor,
    key: Tensor,
    t: float,
    identity_uv: Tensor,
    target_uv: Tensor,
    sample_seed: Tensor | float = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """How far attention is from where surfaces lie: Kullback-Leibler divergence of its rows from the true ones.

    Queries and keys learn a fixed code of surface points beside (CODE_WEIGHT), so that neither waits for the other.

    Positions whose point the identity picture does not show count nothing, nor do samples without maps.

    Args:
        query, key: (B, d, H, W) of the target's and of the identity's positions.  t: the temperature.
        identity_uv, target_uv: uint8 (B, 3, S, S), zeros for a sample whose surfaces are not known.
        sample_seed: a number in [0, 1) that says which positions are compared, where not all are (a tensor: nothing
            waits for it).
    Returns:
        The loss, and of the character's positions `attention_right`, the share whose attention is highest on the right
        part.
    """
    side = query.shape[-1]
    there = at_cells(target_uv, side).flatten(2)  # (B, 3, N)
    chosen = sample_positions(there[:, 0] > 0, POINTS, sample_seed)  # (B, M)
    asked = gather_positions(query.flatten(2), chosen).transpose(1, 2).float()  # (B, M, d)
    logits = torch.bmm(asked, key.flatten(2).float()) / t  # (B, M, N)
    there = gather_positions(there, chosen)  # (B, 3, M)
    here = at_cells(identity_uv, side).flatten(2)  # (B, 3, N)
    wanted = surface_weights(there, here, SIGMA, MAX_DISTANCE, background=True, metric="arc")  # (B, M, N)
    drawn = there[:, 0] > 0  # (B, M)
    known = (identity_uv[:, 0].flatten(1).any(1) & target_uv[:, 0].flatten(1).any(1))[:, None]  # (B, 1)
    shown = wanted.sum(-1) > 0
    weight = shown * known * torch.where(drawn, 1.0, BACKGROUND_WEIGHT)  # (B, M)

    divergence = (wanted * (wanted.clamp(min=1e-9).log() - F.log_softmax(logits, dim=-1))).sum(-1)
    loss = (divergence * weight).sum() / weight.sum().clamp(min=1)
    loss = loss + CODE_WEIGHT * sum(code_loss(x, uv, known) for x, uv in ((query, target_uv), (key, identity_uv)))
    right = gather_positions(here, logits.argmax(-1))[:, 0] == there[:, 0]  # (B, M)
    counted = drawn & (weight > 0)  # (B, M)
    return loss, {"attention_right": (right & counted).sum() / counted.sum().clamp(min=1)}


def at_cells(uv: Tensor, side: int) -> Tensor:
    """What lies at the middle of each of side x side cells: (B, 3, S, S) -> float (B, 3, side, side)."""
    step = uv.shape[-1] // side
    return uv[:, :, step // 2 :: step, step // 2 :: step].float()


def surface_code(part: Tensor, u: Tensor, v: Tensor, width: int) -> Tensor:
    """A fixed unit vector for each point of a surface: parts (...) and u, v in 0..1 -> (..., width).

    Products of two are near 1 for neighbours, fall to 0 over a fifth of a part, and are near 0 for two parts (random
    Fourier features: Rahimi and Recht, NeurIPS 2007; whole numbers of turns along u, which runs around a limb).
    """
    turns, rise, phase = _waves(width // 2, part.device)
    part = part.long().clamp(max=PARTS - 1)
    angle = 2 * torch.pi * turns[part] * u[..., None] + rise[part] * v[..., None] + phase[part]
    code = torch.cat([angle.cos(), angle.sin()], dim=-1) / (width // 2) ** 0.5
    return F.pad(code, (0, width % 2))


@functools.cache
def _waves(count: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Of each part, (PARTS, count): turns around u, radians along v, and where they start."""
    random = torch.Generator().manual_seed(0)
    turns = torch.randint(-2, 3, (PARTS, count), generator=random).float()
    rise, phase = (
        8 * torch.randn(PARTS, count, generator=random),
        2 * torch.pi * torch.rand(PARTS, count, generator=random),
    )
    return turns.to(device), rise.to(device), phase.to(device)


def code_loss(x: Tensor, uv: Tensor, known: Tensor) -> Tensor:
    """How far queries or keys (B, d, H, W) point from the codes of what lies there: 1 - cosine, a mean.

    uv: (B, 3, S, S), zeros where nobody stands.  known: (B, 1), whether a sample has maps.
    """
    part, u, v = at_cells(uv, x.shape[-1]).flatten(2).unbind(1)  # (B, N) each
    code = surface_code(part, u / 255, v / 255, x.shape[1])  # (B, N, d)
    far = 1 - (F.normalize(x.flatten(2).transpose(1, 2).float(), dim=-1) * code).sum(-1)
    weight = torch.where(part > 0, 1.0, BACKGROUND_WEIGHT) * known
    return (far * weight).sum() / weight.sum().clamp(min=1)
