"""What the parts of bodies are taught, where the data knows which point of a surface each pixel shows (IUV maps)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.capture_parts.attention_loss import MAPS, at_cells, choose, of
from capture.methods.capture_parts.layout import Layout, part_places
from capture.methods.capture_parts.part_motion import Motion
from capture.methods.capture_parts.segmenter import Seen

BACKGROUND = 0.25  # weight of a position of the background beside one of the character's
NEAR = 0.02  # standard deviation, in u and v, of what counts as the same point
FAR = 3.0  # squared distances beyond this (in 2 NEAR²) say that a picture does not show the point
FARNESS = 0.1  # weight of a distance of one pixel
ASKED, SOURCES = 128, 600  # points of the output that are asked for, positions of a picture that they are sought in


def body_loss(
    identity: Seen, pose: Seen, motion: Motion, layout: Layout, batch: dict[str, Tensor], chance: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """What is read in both pictures, and how the output is laid out, against a batch's maps (B, 3, S, S).

    Samples without maps count nothing. `chance`: a number that says which places are asked for.
    """
    maps = [batch[role + MAPS] for role in ("identity", "pose", "target")]
    (mine, told), (theirs, others) = (read_loss(*pair) for pair in zip((identity, pose), maps))
    loss, laid = layout_loss(motion, layout, *maps, chance)
    return loss + mine + theirs, {name: told[name] + others[name] for name in told} | laid


def read_loss(seen: Seen, uv: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """What is read in pictures, against their maps (B, 3, S, S)."""
    parts = part_loss(seen.logits, uv)
    return parts, {"read_miss": parts.detach()}


def part_loss(logits: Tensor, uv: Tensor) -> Tensor:
    """Cross-entropy of logits (B, parts + 1, h, w) with the parts of a map (B, 3, S, S)."""
    part = at_cells(uv, logits.shape[-1])[:, 0].long().clamp(max=logits.shape[1] - 1)  # (B, h, w)
    known = uv[:, 0].flatten(1).any(1)[:, None, None]
    weight = torch.where(part > 0, 1.0, BACKGROUND) * known
    return (F.cross_entropy(logits, part, reduction="none") * weight).sum() / weight.sum().clamp(min=1)


def layout_loss(
    motion: Motion, layout: Layout, identity_uv: Tensor, pose_uv: Tensor, target_uv: Tensor, chance: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """How far the output's layout is from the true target's: its parts, and the places of its points in both pictures.

    Distances are in pixels.
    """
    side, patch = target_uv.shape[-1], target_uv.shape[-1] // layout.draft.shape[-1]
    phase = (chance.abs() * 10_000).long() % patch**2  # one pixel of each patch² at a time
    fine = layout.fine.unflatten(1, (-1, patch**2)).index_select(2, phase.reshape(1))[:, :, 0]
    wanted = F.pixel_unshuffle(target_uv, patch).unflatten(1, (3, patch**2)).index_select(2, phase.reshape(1))[:, :, 0]
    drafted, laid = part_loss(layout.draft, target_uv), part_loss(fine, wanted)
    loss, told = drafted + 2 * laid, {"layout_miss": laid.detach()}

    asked = choose(target_uv[:, 0].flatten(1) > 0, ASKED, chance)  # (B, M)
    points = of(target_uv.flatten(2), asked).float()  # (B, 3, M)
    number = (points[:, 0].long() - 1).clamp(0, motion.to_pose.shape[1] - 1)  # (B, M)
    xy = (2 * torch.stack([asked % side, asked // side], dim=1) + 1) / side - 1  # (B, 2, M)
    cell = asked // side // patch * (side // patch) + asked % side // patch
    mend = of(layout.mend.flatten(2), cell).chunk(2, dim=1)
    sides = zip((motion.to_identity, motion.to_pose), (identity_uv, pose_uv), mend)
    for name, (maps, uv, more) in zip(("identity", "pose"), sides):
        place, known = where(points, uv, chance)  # (B, 2, M), (B, M)
        found = part_places(maps, number, xy)  # (B, 2, M)
        count = known.sum().clamp(min=1)
        far, mended = (
            ((side / 2 * (at - place)).square().sum(1).add(0.25).sqrt() * known).sum() / count
            for at in (found, found.detach() + more)
        )
        loss = loss + FARNESS * (far + mended)
        told |= {f"{name}_far": far.detach(), f"{name}_mended": mended.detach()}
    return loss, told


def where(points: Tensor, uv: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, 3, M) in a picture's map (B, 3, S, S): where, (B, 2, M) from -1 to 1, and whether at all, (B, M)."""
    uv = uv[:, :, 1::2, 1::2]  # every other pixel
    side = uv.shape[-1]
    index = choose(uv[:, 0].flatten(1) > 0, SOURCES, chance)  # (B, N)
    here = of(uv.flatten(2), index).float()[:, :, None]  # (B, 3, 1, N)
    there = points[..., None]  # (B, 3, M, 1)
    du, dv = ((there[:, k] - here[:, k]) / 255 for k in (1, 2))
    score = -(du.square() + dv.square()) / (2 * NEAR**2)
    score = score.masked_fill((there[:, 0] != here[:, 0]) | (there[:, 0] == 0), -1e4)
    weight = score.softmax(-1)  # (B, M, N)
    xy = torch.stack([index % side, index // side], dim=-1).float()  # (B, N, 2)
    place = (2 * (weight @ xy) + 1.5) / (2 * side) * 2 - 1  # pixel 2 i + 1 of the map, its middle
    return place.transpose(1, 2), score.amax(-1) > -FAR
