"""What two batches of pictures have to be, so that they can be compared."""

from __future__ import annotations

from torch import Tensor


def check_batches(a: Tensor, b: Tensor, smallest: int) -> None:
    """ValueError unless a and b (B, C, H, W) have one shape, and sides of `smallest` pixels or more."""
    if a.shape != b.shape or min(a.shape[-2:]) < smallest:
        raise ValueError(
            f"expected two batches of the same size, {smallest} pixels or more: {tuple(a.shape)} and {tuple(b.shape)}"
        )
