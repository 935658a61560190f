"""Pictures are in [-1, 1] outside the baselines and in [0, 1] inside, as their authors have them."""

from __future__ import annotations

from torch import Tensor


def to_unit(image: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], float32."""
    return (image.float() + 1) / 2


def from_unit(image: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], float32."""
    return image.float() * 2 - 1
