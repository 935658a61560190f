"""Relative motion for videos: not where the driver is, but how it has moved since its first frame."""

from __future__ import annotations

import torch
from torch import Tensor

from capture.nn.geometry import inverse, multiply

SMALLEST_AREA = 1e-12  # of a hull, where a picture has 4; smaller ones are lines


def relative_positions(source: Tensor, driving: Tensor, first: Tensor, scale: Tensor | float = 1.0) -> Tensor:
    """Source positions plus `scale` (B,) times the driver's shift since its first frame, all (B, K, 2)."""
    shift = driving - first
    return source + shift * (scale[:, None, None] if isinstance(scale, Tensor) else scale)


def relative_frames(source: Tensor, driving: Tensor, first: Tensor) -> Tensor:
    """Source frames turned as the driver's have turned since its first picture, all (B, K, 2, 2)."""
    return multiply(multiply(driving, inverse(first)), source)


def size_ratio(source: Tensor, first: Tensor) -> Tensor:
    """How many times longer the source's body is than the driver's: root of the ratio of their hulls' areas.

    Args:
        source, first: positions (B, K, 2), of the source and of the driver's first frame.
    Returns:
        (B,), 1 where either encloses no area.
    """
    areas = [hull_area(points.detach().double()) for points in (source, first)]  # (B,) each
    both = (areas[0] > SMALLEST_AREA) & (areas[1] > SMALLEST_AREA)
    ratio = areas[0] / torch.where(both, areas[1], 1.0)
    return torch.where(both, ratio, 1.0).sqrt().to(source.dtype)


def hull_area(points: Tensor) -> Tensor:
    """Area of the convex hull of points (B, K, 2) -> (B,).

    At the x of each point, the hull reaches from the lowest to the highest of all segments between two points; between
    neighbouring x, both edges of the hull are straight. This takes K^3 numbers, but the same operators for all points,
    so that it runs on any device and can be exported. A search for the hull's corners would depend on the values.
    """
    order = points[..., 0].argsort(dim=1)
    x, y = (points[..., i].gather(1, order) for i in range(2))  # (B, K), from left to right
    position = torch.arange(points.shape[1], device=points.device)
    left, at, right = position[:, None, None], position[None, :, None], position[None, None, :]
    spans = (left <= at) & (at <= right)  # (K, K, K)
    width = x[:, None, None, :] - x[:, :, None, None]  # (B, K, 1, K)
    share = (x[:, None, :, None] - x[:, :, None, None]) / torch.where(width > 0, width, 1.0)  # (B, K, K, K)
    start, end = y[:, :, None, None], y[:, None, None, :]
    between = start + share * (end - start)  # (B, K, K, K)
    upper = torch.where(width > 0, between, torch.maximum(start, end))
    lower = torch.where(width > 0, between, torch.minimum(start, end))
    upper = torch.where(spans, upper, -torch.inf).amax(dim=(1, 3))  # (B, K)
    lower = torch.where(spans, lower, torch.inf).amin(dim=(1, 3))  # (B, K)
    height = upper - lower
    return ((height[:, 1:] + height[:, :-1]) / 2 * (x[:, 1:] - x[:, :-1])).sum(dim=1)
