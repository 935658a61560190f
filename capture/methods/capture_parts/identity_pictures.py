"""Several pictures of one identity: each part of the output comes from the picture that shows it best.

The choice is a step function of how visible the parts are. Backward, the step has the gradient of a softmax (a
straight-through estimator: Bengio et al., 2013), so that a loss of the picture says which choice would be better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.base import Features
from capture.methods.capture_parts.coordinates import sample_map
from capture.methods.capture_parts.layout import Correspondence, Layout, LayoutNetwork
from capture.methods.capture_parts.part_motion import PartMotion
from capture.methods.capture_parts.part_textures import sample_textures
from capture.methods.capture_parts.segmenter import Segmentation

MARGIN = 0.15  # of visibility, by which another picture must show a part better than the first one does
TEMPERATURE = 0.1  # of the softmax that the choice has the gradient of, in units of visibility
MOTION, LAYOUT = "motion", "layout"


class Combined(NamedTuple):
    """Where the output's pixels come from in N pictures of one identity; see capture.methods.base.Layers."""

    correspondence: Correspondence
    warped: Tensor  # (B, 3, S, S), the pictures' pixels at these places
    part_maps: Tensor  # (B, parts, 2, 3)
    part_source: Tensor  # int64 (B, parts)
    residual_flow: Tensor  # (B, N, 2, h, w)


def combine(
    network: LayoutNetwork,
    segmentations: Sequence[Segmentation],
    pictures: Sequence[Tensor],
    motions: Sequence[tuple[PartMotion, Layout]],
) -> Combined:
    """One correspondence of N pictures, their segmentations, motions and layouts.

    The layout is that of the first picture. For each part the mean visibility of its pixels in every picture decides.

    Args:
        pictures: (B, 3, S, S) each, or the textures of their parts, (B, 3, parts * S, S).
    """
    layout = motions[0][1]
    shared = [one._replace(logits=layout.logits, coarse_logits=layout.coarse_logits) for _, one in motions]
    found = [
        network.correspondence(segmentation, motion, one)
        for segmentation, (motion, _), one in zip(segmentations, motions, shared)
    ]
    part = found[0].logits[:, 1:].argmax(1)  # (B, S, S)
    warped = [_warp(x, part, one.identity_grid) for x, one in zip(pictures, found)]  # (B, 3, S, S) each
    flow = torch.stack([one.residual_flow[:, :2] for _, one in motions], dim=1)  # (B, N, 2, h, w)
    if len(found) == 1:
        part_maps = motions[0][0].to_identity
        source = torch.zeros(part_maps.shape[:2], dtype=torch.int64, device=part_maps.device)
        return Combined(found[0], warped[0], part_maps, source, flow)
    visibility = torch.stack([one.visibility[:, 0] for one in found], dim=1)  # (B, N, S, S)
    scores = part_visibility(part, visibility, found[0].logits.shape[1] - 1)  # (B, N, parts)
    source, weight = choose_pictures(scores)  # (B, parts), (B, N, parts)
    index = part.flatten(1)[:, None].expand(-1, len(found), -1)  # (B, N, S * S)
    weight = weight.gather(2, index).view_as(visibility)[:, :, None]  # (B, N, 1, S, S)
    part_maps = torch.stack([motion.to_identity for motion, _ in motions], dim=1)  # (B, N, parts, 2, 3)
    chosen = source[:, None, :, None, None].expand(-1, 1, -1, 2, 3)
    grids = torch.stack([one.identity_grid for one in found], dim=1)  # (B, N, 2, S, S)
    correspondence = found[0]._replace(
        identity_grid=(weight * grids).sum(1), visibility=(weight * visibility[:, :, None]).sum(1)
    )
    pixels = (weight * torch.stack(warped, dim=1)).sum(1)  # (B, 3, S, S)
    return Combined(correspondence, pixels, part_maps.gather(1, chosen)[:, 0], source, flow)


def _warp(picture: Tensor, part: Tensor, grid: Tensor) -> Tensor:
    """The pixels of a picture, or of the textures of its parts, at positions (B, 2, S, S): (B, 3, S, S)."""
    if picture.shape[-2] == picture.shape[-1]:
        return sample_map(picture, grid)
    return sample_textures(picture, part, grid)


def choose_pictures(scores: Tensor, margin: float = MARGIN) -> tuple[Tensor, Tensor]:
    """The picture with the highest score for each part: the first one unless another is better by `margin`.

    Args:
        scores: (B, N, parts).
    Returns:
        int64 (B, parts), the number of the picture; (B, N, parts), 1 for that picture and 0 for the others, with the
        gradient of a softmax of the scores.
    """
    scores = torch.cat([scores[:, :1] + margin, scores[:, 1:]], dim=1)
    source = scores.argmax(1)
    soft = (scores / TEMPERATURE).softmax(1)
    hard = F.one_hot(source, scores.shape[1]).transpose(1, 2).to(soft.dtype)
    return source, hard + (soft - soft.detach())


def part_visibility(part: Tensor, visibility: Tensor, num_parts: int) -> Tensor:
    """The mean visibility of each part's pixels in every picture, (B, N, parts); 0 for a part without pixels.

    Args:
        part: int64 (B, S, S), the part of every pixel.
        visibility: (B, N, S, S): how likely each picture shows that part there.
    """
    batch, count = visibility.shape[:2]
    index = part.flatten(1)[:, None].expand(-1, count, -1)  # (B, N, S * S)
    total = visibility.new_zeros(batch, count, num_parts).scatter_add(2, index, visibility.flatten(2))
    pixels = visibility.new_zeros(batch, count, num_parts).scatter_add(2, index, torch.ones_like(visibility).flatten(2))
    return total / pixels.clamp(min=1)


def pack(motions: Sequence[tuple[PartMotion, Layout]]) -> Features:
    """The motions and layouts of N pictures as features by name."""
    named: Features = {}
    for n, (motion, layout) in enumerate(motions):
        named |= {(n, MOTION, name): value for name, value in motion._asdict().items()}
        named |= {(n, LAYOUT, name): value for name, value in layout._asdict().items()}
    return named


def unpack(features: Features) -> list[tuple[PartMotion, Layout]]:
    """What was packed."""
    count = 1 + max(n for n, _, _ in features)
    return [
        (
            PartMotion(*(features[n, MOTION, name] for name in PartMotion._fields)),
            Layout(*(features[n, LAYOUT, name] for name in Layout._fields)),
        )
        for n in range(count)
    ]
