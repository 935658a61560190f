"""What segmentation, part motion and layout are taught, where the data has IUV maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.base import Loss
from capture.methods.capture_parts.attention_loss import at_cells
from capture.methods.capture_parts.coordinates import apply_part_affine
from capture.methods.capture_parts.face_parts import fold_face_parts, tell_faces_apart
from capture.methods.capture_parts.layout import Layout
from capture.methods.capture_parts.part_motion import PartMotion
from capture.methods.capture_parts.segmenter import Segmentation
from capture.nn import iuv as correspondence
from capture.nn.iuv import gather_positions, sample_positions
from capture.nn.masked import masked_mean

BACKGROUND_WEIGHT = 0.25  # of a position of the background beside one of the character
SIGMA = 0.02  # standard deviation of the surface distance within which pixels show the same point
MAX_DISTANCE = 0.049  # a point whose nearest pixel is farther than this is not visible in a picture
EPE_WEIGHT = 0.1  # of an end-point error of one pixel
POINTS, CANDIDATES = 128, 600  # points of the output that are followed, positions of a picture where they may be


def segmentation_loss(segmentation: Segmentation, uv: Tensor) -> Loss:
    """Cross-entropy of a segmentation with the parts of IUV maps (B, 3, S, S)."""
    ce = part_cross_entropy(segmentation.logits, uv)
    return ce, {"segmentation_ce": ce.detach()}


def correspondence_loss(
    identity: Segmentation,
    pose: Segmentation,
    motion: PartMotion,
    layout: Layout,
    batch: dict[str, Tensor],
    sample_seed: Tensor,
) -> Loss:
    """Both segmentations and the output's layout against a batch's maps `<role>_uv` (B, 3, S, S).

    Samples without maps count nothing.

    Args:
        sample_seed: a number in [0, 1) that says which points are followed.
    """
    identity_uv, pose_uv, target_uv = (batch[f"{role}_uv"] for role in ("identity", "pose", "target"))
    ce = part_cross_entropy(identity.logits, identity_uv) + part_cross_entropy(pose.logits, pose_uv)
    loss, metrics = layout_loss(motion, layout, identity_uv, pose_uv, target_uv, sample_seed)
    return loss + ce, {"segmentation_ce": ce.detach()} | metrics


def alpha_loss(logits: Tensor, batch: dict[str, Tensor]) -> Loss:
    """Binary cross-entropy of the figure's alpha with that of the true target, over the samples that have one.

    Args:
        logits: (B, 1, S, S).
        batch: target_alpha (B, 1, S, S) in [-1, 1]: no figure to nothing but figure; perhaps has_target (B,).
    """
    truth = (batch["target_alpha"].float() + 1) / 2
    each = F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none").mean((1, 2, 3))
    loss = masked_mean(each, batch.get("has_target"))
    error = masked_mean((logits.detach().sigmoid() - truth).abs().mean((1, 2, 3)), batch.get("has_target"))
    return loss, {"alpha_ce": loss.detach(), "alpha_error": error}


def part_cross_entropy(logits: Tensor, uv: Tensor) -> Tensor:
    """Cross-entropy of logits (B, parts + 1, h, w) with the parts of a map (B, 3, S, S).

    Where the logits know eyes and mouth and the map has none, they count as head.
    """
    logits = tell_faces_apart(logits, uv)
    part = at_cells(uv, logits.shape[-1])[:, 0].long().clamp(max=logits.shape[1] - 1)  # (B, h, w)
    known = uv[:, 0].flatten(1).any(1)[:, None, None]
    weight = torch.where(part > 0, 1.0, BACKGROUND_WEIGHT) * known
    return (F.cross_entropy(logits, part, reduction="none") * weight).sum() / weight.sum().clamp(min=1)


def layout_loss(
    motion: PartMotion,
    layout: Layout,
    identity_uv: Tensor,
    pose_uv: Tensor,
    target_uv: Tensor,
    sample_seed: Tensor,
) -> Loss:
    """How far the output's layout is from the true target's: its parts, and where its points are in both pictures.

    End-point errors (epe) are in pixels: of the parts' affine maps, and with the residual flow added.
    """
    side, patch = target_uv.shape[-1], target_uv.shape[-1] // layout.coarse_logits.shape[-1]
    phase = (sample_seed * patch**2).long().clamp(max=patch**2 - 1).reshape(1)  # one pixel of each patch² at a time
    logits = layout.logits.unflatten(1, (-1, patch**2)).index_select(2, phase)[:, :, 0]
    truth = F.pixel_unshuffle(target_uv, patch).unflatten(1, (3, patch**2)).index_select(2, phase)[:, :, 0]
    coarse_ce, ce = part_cross_entropy(layout.coarse_logits, target_uv), part_cross_entropy(logits, truth)
    loss, metrics = coarse_ce + 2 * ce, {"layout_ce": ce.detach()}

    index = sample_positions(target_uv[:, 0].flatten(1) > 0, POINTS, sample_seed)  # (B, M)
    points = gather_positions(target_uv.flatten(2), index).float()  # (B, 3, M)
    surface = fold_face_parts(points)
    part = (points[:, 0].long() - 1).clamp(0, motion.to_pose.shape[1] - 1)  # (B, M)
    xy = (2 * torch.stack([index % side, index // side], dim=1) + 1) / side - 1  # (B, 2, M)
    cell = index // side // patch * (side // patch) + index % side // patch
    flows = gather_positions(layout.residual_flow.flatten(2), cell).chunk(2, dim=1)  # (B, 2, M) twice
    pictures = zip((motion.to_identity, motion.to_pose), (identity_uv, pose_uv), flows)
    for name, (maps, uv, flow) in zip(("identity", "pose"), pictures):
        truth_xy, shown = locate_surface_points(surface, fold_face_parts(uv), sample_seed)  # (B, 2, M), (B, M)
        moved = apply_part_affine(maps, part, xy)  # (B, 2, M)
        count = shown.sum().clamp(min=1)
        epe, refined_epe = (
            ((side / 2 * (at - truth_xy)).square().sum(1).add(0.25).sqrt() * shown).sum() / count
            for at in (moved, moved.detach() + flow)
        )
        loss = loss + EPE_WEIGHT * (epe + refined_epe)
        metrics |= {f"{name}_epe": epe.detach(), f"{name}_refined_epe": refined_epe.detach()}
    return loss, metrics


def locate_surface_points(points: Tensor, uv: Tensor, sample_seed: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, 3, M) in every other pixel of a map (B, 3, S, S): see `capture.nn.iuv.locate_surface_points`."""
    return correspondence.locate_surface_points(
        points, uv, SIGMA, MAX_DISTANCE, max_candidates=CANDIDATES, stride=2, start=sample_seed
    )
