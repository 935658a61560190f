"""Shifts of a whole palette: hue, saturation, contrast, brightness, duotones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Colours:
    """How colours are changed.

    Attributes:
        hue_degrees: rotation of the hue.
        saturation, contrast: factors.
        gamma: exponent; above 1 everything becomes darker.
        gains: a factor for each channel, as of a coloured light.
    """

    hue_degrees: float = 0.0
    saturation: float = 1.0
    contrast: float = 1.0
    gamma: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)


OWN_COLOURS = Colours()
_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def draw_colours(rng: np.random.Generator, strength: float) -> Colours:
    """Random shifts; `strength` 1 reaches every hue, 0.2 changes little."""
    return Colours(
        float(rng.uniform(-180, 180) * strength),
        float(np.exp(rng.normal(0, 0.45 * strength)) * (0.15 if rng.random() < 0.08 * strength else 1)),
        float(np.exp(rng.normal(0, 0.2 * strength))),
        float(np.exp(rng.normal(0, 0.3 * strength))),
        tuple(float(g) for g in np.exp(rng.normal(0, 0.12 * strength, 3))),  # type: ignore[arg-type]
    )


def shift_colours(pictures: Tensor, colours: Colours) -> Tensor:
    """Apply the shifts to (N, 3, S, S) in [0, 1]."""
    if colours == OWN_COLOURS:
        return pictures
    to_yiq = torch.tensor(_TO_YIQ, dtype=torch.float64)
    angle = math.radians(colours.hue_degrees)
    c, s = math.cos(angle) * colours.saturation, math.sin(angle) * colours.saturation
    turn = torch.tensor(((1, 0, 0), (0, c, -s), (0, s, c)), dtype=torch.float64)
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    matrix = torch.tensor(colours.gains, dtype=torch.float64)[:, None] * matrix
    r, g, b = ([float(x) for x in row] for row in matrix)
    rows = [row[0] * pictures[:, 0] + row[1] * pictures[:, 1] + row[2] * pictures[:, 2] for row in (r, g, b)]
    x = torch.stack(rows, 1)  # sums of three products: the same bits for any number of pictures
    x = ((x - 0.5) * colours.contrast + 0.5).clamp(0, 1)
    return x.pow(colours.gamma) if colours.gamma != 1 else x
