"""Pose and identity by body parts: where each part is, and which colour it has, in an output and in its target.

Both take label maps from a part segmenter, int64 (B, H, W): 0 is background, 1 to P are parts. So they see what the
segmenter sees, and no more; docs/METRICS.md says what follows from that.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.metrics.oklab import oklab

SMALLEST = 0.002  # share of the picture that a part must cover to count as found


def part_areas(labels: Tensor, parts: int) -> Tensor:
    """The share of the picture that each part covers: (B, H, W) -> float64 (B, parts)."""
    return _masks(labels, parts).mean((2, 3))


def part_centres(labels: Tensor, parts: int) -> Tensor:
    """The mean position of each part's pixels: (B, H, W) -> float64 (B, parts, 2), x and y as shares of the side.

    NaN where a part has no pixel.
    """
    masks = _masks(labels, parts)  # (B, P, H, W)
    height, width = labels.shape[1:]
    count = masks.sum((2, 3))
    x = (masks.sum(2) @ ((torch.arange(width, device=labels.device).double() + 0.5) / width)) / count
    y = (masks.sum(3) @ ((torch.arange(height, device=labels.device).double() + 0.5) / height)) / count
    return torch.stack([x, y], -1)


def pose_error(output: Tensor, target: Tensor, parts: int, smallest: float = SMALLEST) -> tuple[Tensor, Tensor]:
    """How far the output's parts are from the target's, and how many of the target's parts are not there.

    A part is found where it covers `smallest` of the picture or more.

    Args:
        output, target: label maps (B, H, W).
    Returns:
        float64 (B,): the mean distance of the centres of the parts found in both, as a share of the side; NaN where
        there is none. And float64 (B,): the share of the target's parts that the output lacks; NaN without any.
    """
    wanted = part_areas(target, parts) >= smallest
    both = wanted & (part_areas(output, parts) >= smallest)
    distance = (part_centres(output, parts) - part_centres(target, parts)).norm(dim=-1)
    missed = 1 - both.sum(1).double() / wanted.sum(1)
    return _mean_where(distance, both), missed


def identity_error(
    output: Tensor,
    target: Tensor,
    output_labels: Tensor,
    target_labels: Tensor,
    parts: int,
    smallest: float = SMALLEST,
) -> Tensor:
    """How far the output's parts are from the target's in colour.

    Args:
        output, target: float (B, 3, H, W) in [0, 1], of the size of the label maps (B, H, W).
    Returns:
        float64 (B,): the mean distance in OKLab of the mean colours of the parts found in both; NaN without any.
    """
    both = (part_areas(output_labels, parts) >= smallest) & (part_areas(target_labels, parts) >= smallest)
    distance = (part_colours(output, output_labels, parts) - part_colours(target, target_labels, parts)).norm(dim=-1)
    return _mean_where(distance, both)


def part_colours(pictures: Tensor, labels: Tensor, parts: int) -> Tensor:
    """The mean colour of each part in OKLab: (B, 3, H, W) in [0, 1] -> float64 (B, parts, 3); NaN without a pixel."""
    colours = oklab(pictures.double().permute(0, 2, 3, 1)).flatten(1, 2)  # (B, HW, 3)
    masks = _masks(labels, parts).flatten(2)  # (B, P, HW)
    return (masks @ colours) / masks.sum(2, keepdim=True)


def _masks(labels: Tensor, parts: int) -> Tensor:
    return F.one_hot(labels, parts + 1)[..., 1:].permute(0, 3, 1, 2).double()


def _mean_where(values: Tensor, counted: Tensor) -> Tensor:
    return torch.where(counted, values, 0.0).sum(1) / counted.sum(1)  # 0 / 0 is NaN
