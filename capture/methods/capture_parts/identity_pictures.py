"""Several pictures of one identity: each part of the output comes from the picture that shows it best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from capture.methods.base import Features
from capture.methods.capture_parts.coordinates import sample_map
from capture.methods.capture_parts.layout import Correspondence, Layout, LayoutNetwork
from capture.methods.capture_parts.part_motion import PartMotion
from capture.methods.capture_parts.segmenter import Segmentation

MARGIN = 0.15  # of visibility, by which another picture must show a part better than the first one does
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
    """One correspondence of N pictures (B, 3, S, S), their segmentations, motions and layouts.

    The layout is that of the first picture. For each part the mean visibility of its pixels in every picture decides.
    """
    layout = motions[0][1]
    shared = [one._replace(logits=layout.logits, coarse_logits=layout.coarse_logits) for _, one in motions]
    found = [
        network.correspondence(segmentation, motion, one)
        for segmentation, (motion, _), one in zip(segmentations, motions, shared)
    ]
    warped = torch.stack([sample_map(x, one.identity_grid) for x, one in zip(pictures, found)], dim=1)
    part = found[0].logits[:, 1:].argmax(1)  # (B, S, S)
    num_parts = found[0].logits.shape[1] - 1
    visibility = torch.stack([one.visibility[:, 0] for one in found], dim=1)  # (B, N, S, S)
    source = choose_pictures(part, visibility, num_parts)  # (B, parts)
    pixel_source = source.gather(1, part.flatten(1)).view_as(part)  # (B, S, S)
    part_maps = torch.stack([motion.to_identity for motion, _ in motions], dim=1)  # (B, N, parts, 2, 3)
    chosen = source[:, None, :, None, None].expand(-1, 1, -1, 2, 3)
    grids = torch.stack([one.identity_grid for one in found], dim=1)  # (B, N, 2, S, S)
    correspondence = found[0]._replace(
        identity_grid=_of_source(grids, pixel_source), visibility=_of_source(visibility[:, :, None], pixel_source)
    )
    flow = torch.stack([one.residual_flow[:, :2] for _, one in motions], dim=1)  # (B, N, 2, h, w)
    return Combined(correspondence, _of_source(warped, pixel_source), part_maps.gather(1, chosen)[:, 0], source, flow)


def choose_pictures(part: Tensor, visibility: Tensor, num_parts: int, margin: float = MARGIN) -> Tensor:
    """The picture that shows each part best, int64 (B, parts): the first one unless another is better by `margin`.

    Args:
        part: int64 (B, S, S), the part of every pixel.
        visibility: (B, N, S, S): how likely each picture shows that part there.
    """
    batch, count = visibility.shape[:2]
    index = part.flatten(1)[:, None].expand(-1, count, -1)  # (B, N, S * S)
    total = visibility.new_zeros(batch, count, num_parts).scatter_add(2, index, visibility.flatten(2))
    pixels = visibility.new_zeros(batch, count, num_parts).scatter_add(2, index, torch.ones_like(visibility).flatten(2))
    mean = total / pixels.clamp(min=1)  # (B, N, parts)
    mean[:, 0] += margin
    return mean.argmax(1)


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


def _of_source(values: Tensor, source: Tensor) -> Tensor:
    """Of values (B, N, C, S, S), those of the picture that `source` (B, S, S) names: (B, C, S, S)."""
    if values.shape[1] == 1:
        return values[:, 0]
    index = source[:, None, None].expand(-1, 1, values.shape[2], -1, -1)
    return values.gather(1, index)[:, 0]
