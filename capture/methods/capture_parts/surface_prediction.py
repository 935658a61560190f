"""IUV maps of pictures that have none: parts from the segmenter, u and v from reference pictures whose maps are known.

CaPTURe-Parts knows no surface coordinates. It knows which part a position shows, and for each part an affine map
between two pictures. A pixel's u and v are looked up: each part of the picture is moved by its affine map to where it
is in each of some reference pictures, and the reference pixels of the same part that lie nearest there vote.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.methods.capture_parts.attention_loss import at_cells
from capture.methods.capture_parts.coordinates import cell_centres
from capture.methods.capture_parts.generator import PartsGenerator
from capture.methods.capture_parts.part_motion import PartMotion, PartMotionTransformer
from capture.methods.capture_parts.segmenter import Segmentation
from capture.nn.iuv import surface_coordinates

VOTES = 16  # reference pixels that a pixel's u and v come from
TOGETHER = 8  # pictures that are segmented at once


class References(NamedTuple):
    """Pictures whose maps are known; h = S / patch positions to a side."""

    segmentation: Segmentation  # of R pictures
    uv: Tensor  # (R, 3, h, w) float: part, u, v at the middle of each position


@torch.no_grad()
def segment_references(generator: PartsGenerator, pictures: Tensor, uv: Tensor) -> References:
    """Pictures (R, 3, S, S) in [-1, 1] and their maps uint8 (R, 3, S, S), for `predict_maps`."""
    segmentation = _segment(generator, pictures)
    return References(segmentation, at_cells(uv, segmentation.logits.shape[-1]))


@torch.no_grad()
def predict_maps(generator: PartsGenerator, pictures: Tensor, references: References, side: int) -> Tensor:
    """IUV maps of pictures.

    Args:
        pictures: (B, 3, S, S) in [-1, 1].
        side: of the maps, which need not be S.
    Returns:
        uint8 (B, 3, side, side): the likeliest part of each pixel, by logits that are resized bilinearly; u and v of
        the nearest reference pixels. The background is zeros.
    """
    segmentation = _segment(generator, pictures)
    maps = []
    for logits, features in zip(*segmentation):
        seen = Segmentation(logits[None], features[None])
        maps.append(map_of_segmentation(generator.part_motion, seen, references, side))
    return torch.stack(maps)


@torch.no_grad()
def map_of_segmentation(
    part_motion: PartMotionTransformer, seen: Segmentation, references: References, side: int
) -> Tensor:
    """The map uint8 (3, side, side) of one picture, from its segmentation with a batch of 1."""
    logits = F.interpolate(seen.logits, (side, side), mode="bilinear", align_corners=False)  # (1, parts + 1, ...)
    part = logits[0].argmax(0)  # (side, side)
    count = len(references.uv)
    motion = part_motion(
        references.segmentation, Segmentation(*(x.expand(count, -1, -1, -1) for x in seen))
    )  # the output has the reference's parts in the picture's pose
    to_reference = between_pictures(motion)  # (R, parts, 2, 3)
    points, positions = cell_centres(part), cell_centres(references.uv)  # (2, side, side), (2, h, w)
    uv = torch.zeros(3, side, side, dtype=torch.uint8, device=part.device)
    for k in part.unique().tolist():
        reference, row, column = (references.uv[:, 0] == k).nonzero(as_tuple=True)  # (C,) each
        if k == 0 or not len(reference):  # no reference shows this part: its pixels stay background
            continue
        pixels = part == k  # N of them
        moved = to_reference[:, k - 1, :, :2] @ points[:, pixels] + to_reference[:, k - 1, :, 2:]  # (R, 2, N)
        away = moved[reference] - positions[:, row, column].T[..., None]  # (C, 2, N)
        nearest = away.square().sum(1).topk(min(VOTES, len(reference)), dim=0, largest=False).indices  # (K, N)
        votes = references.uv[reference, :, row, column][nearest.T]  # (N, K, 3)
        uv[:, pixels] = elect(votes).T.to(torch.uint8)
    return uv


def between_pictures(motion: PartMotion) -> Tensor:
    """For each part, the affine map from the pose's picture to the identity's, (B, parts, 2, 3)."""
    inverse = torch.linalg.pinv(motion.to_pose[..., :2])  # a part seen edge-on may have no inverse
    matrix = motion.to_identity[..., :2] @ inverse
    offset = motion.to_identity[..., 2:] - matrix @ motion.to_pose[..., 2:]
    return torch.cat([matrix, offset], dim=-1)


def elect(votes: Tensor) -> Tensor:
    """Of surface points of one part (N, K, 3), the medoid: the one that is nearest to all others, (N, 3).

    A mean would lie on neither where votes fall into two cells of a part's square.
    """
    coordinates = surface_coordinates(votes)  # (N, K, 3)
    far = torch.cdist(coordinates, coordinates).sum(-1)  # (N, K)
    return votes[torch.arange(len(votes), device=votes.device), far.argmin(-1)]


def _segment(generator: PartsGenerator, pictures: Tensor) -> Segmentation:
    pieces = [generator({"identity": some}, until="segmentation") for some in pictures.split(TOGETHER)]
    return Segmentation(*(torch.cat(values) for values in zip(*pieces)))
