"""Colours in OKLab, in which equal distances look about equally large."""

from __future__ import annotations

import torch
from torch import Tensor

_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(colours: Tensor) -> Tensor:
    """sRGB to OKLab (Ottosson 2020).

    Args:
        colours: float (..., 3) in [0, 1].
    Returns:
        (..., 3): lightness in [0, 1], a (green to red) and b (blue to yellow). A Euclidean distance of 0.02 is just
        visible, and black and white are 1 apart.
    """
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055).clamp(min=0) ** 2.4)
    cones = linear @ colours.new_tensor(_TO_CONES).T  # (..., 3)
    roots = cones.sign() * cones.abs() ** (1 / 3)
    return roots @ colours.new_tensor(_TO_LAB).T
