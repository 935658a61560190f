"""Means over those samples of a batch that have a target."""

from __future__ import annotations

from torch import Tensor


def masked_mean(per_sample: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean of (B,) over the samples where `known` (B,) is true, 0 where there are none; None: over all samples."""
    if known is None:
        return per_sample.mean()
    return (per_sample * known).sum() / known.sum().clamp(min=1)


def masked_l1(image: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean absolute difference of images (B, 3, S, S) over the samples where `known` (B,) is true."""
    return masked_mean((image.float() - target.float()).abs().mean(dim=(1, 2, 3)), known)
