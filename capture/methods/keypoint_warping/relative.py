"""Relative motion for videos: not where the driver is, but how it has moved since its first frame."""

from __future__ import annotations

import torch
from torch import Tensor

from capture.nn.geometry import inverse, multiply


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
    from scipy.spatial import ConvexHull, QhullError  # imported at its first use: it takes 0.2 s

    ratios = []
    for one, other in zip(source.detach().cpu().double().numpy(), first.detach().cpu().double().numpy()):
        try:
            ratios.append((ConvexHull(one).volume / ConvexHull(other).volume) ** 0.5)  # in 2D "volume" is the area
        except (QhullError, ZeroDivisionError):
            ratios.append(1.0)
    return torch.tensor(ratios, dtype=source.dtype, device=source.device)
