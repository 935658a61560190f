"""What a picture is painted with: paper, hatching, halftone dots, grain, watercolour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from capture.data.styles.layers import Layers
from capture.data.styles.noise import blur, luminance, value_noise, white_noise


@dataclass(frozen=True)
class Medium:
    """How paint is laid on.

    Attributes:
        paint: 1 is full colour, 0 leaves the paper's colour.
        paper: the colour of paper.
        hatching: strength of hatched lines in shaded places; 0 for none.
        hatching_degrees, hatching_pixels: direction and distance of the lines, for pictures of 128 pixels.
        crossed: hatch the darkest places in two directions.
        halftone: draw dots instead of lines.
        grain: standard deviation of the noise of a rough surface.
        wash: strength of watercolour: pigment in clouds, darker edges, colours that run into each other.
    """

    paint: float = 1.0
    paper: tuple[float, float, float] = (1.0, 1.0, 1.0)
    hatching: float = 0.0
    hatching_degrees: float = 45.0
    hatching_pixels: float = 4.0
    crossed: bool = False
    halftone: bool = False
    grain: float = 0.0
    wash: float = 0.0


PLAIN_MEDIUM = Medium()


def draw_hatching(rng: np.random.Generator, paint: float = 1.0, halftone: bool = False) -> Medium:
    """Hatched lines or halftone dots in a random direction."""
    return Medium(
        paint=paint,
        paper=draw_paper(rng),
        hatching=float(rng.uniform(0.35, 0.85)),
        hatching_degrees=float(rng.choice((15, 30, 45, 60, -30, -45, 135)) + rng.normal(0, 5)),
        hatching_pixels=float(rng.uniform(2.6, 5.0)),
        crossed=bool(rng.random() < 0.5),
        halftone=halftone,
        grain=float(rng.choice((0.0, 0.02, 0.05))),
    )


def draw_paper(rng: np.random.Generator) -> tuple[float, float, float]:
    """White, or a light warm or cool tone."""
    if rng.random() < 0.5:
        return 1.0, 1.0, 1.0
    base = rng.uniform(0.86, 1.0)
    return float(base), float(base * rng.uniform(0.94, 1)), float(base * rng.uniform(0.82, 1))


def apply_medium(layers: Layers, medium: Medium, seed: int) -> Layers:
    """Lay the paint on by the medium; ink stays as it is."""
    if medium == PLAIN_MEDIUM:
        return layers
    size, device = layers.paint.shape[-1], layers.paint.device
    paint, unit = layers.paint, size / 128
    tone = luminance(paint)
    if medium.wash:
        paint = _washed(layers, medium.wash, seed)
    paper = torch.tensor(medium.paper, device=device).view(1, 3, 1, 1)
    paint = paper + (paint - paper) * medium.paint
    if medium.hatching:
        covered = _hatched(tone, medium, unit)
        paint = paint * (1 - medium.hatching * covered)
    if medium.grain:
        grain = white_noise((size, size), seed + 1, device) + 1.5 * (value_noise(size, 40 * unit, seed, device) - 0.5)
        paint = (paint * (1 + medium.grain * grain)).clamp(0, 1)
    layers.paint = paint
    return layers


def _hatched(tone: Tensor, medium: Medium, unit: float) -> Tensor:
    """Which share of each pixel lines or dots cover, (N, 1, S, S); the darker the tone, the wider they are."""
    steps = torch.arange(tone.shape[-1], device=tone.device, dtype=torch.float32)
    period = max(medium.hatching_pixels * unit, 2.5)

    def wave(degrees: float) -> Tensor:
        angle = math.radians(degrees)
        x = steps[None, :] * math.cos(angle) + steps[:, None] * math.sin(angle)
        return 0.5 + 0.5 * torch.cos(x * (2 * math.pi / period))  # (S, S)

    first, second = wave(medium.hatching_degrees), wave(medium.hatching_degrees + 90)
    dark = (0.72 - tone).clamp(min=0) * 1.3  # (N, 1, S, S)
    if medium.halftone:
        return ((first * second - 1 + dark * 1.4) * 5).clamp(0, 1)
    lines = ((first - 1 + dark) * 5).clamp(0, 1)
    if medium.crossed:
        lines = torch.maximum(lines, ((second - 1 + (dark - 0.25)) * 5).clamp(0, 1))
    return lines


def _washed(layers: Layers, strength: float, seed: int) -> Tensor:
    """Watercolour paint (N, 3, S, S)."""
    size, device = layers.paint.shape[-1], layers.paint.device
    unit = size / 128
    share = layers.paint_share
    run = blur(torch.cat((layers.paint * share, share), 1), 1.1 * strength * unit)
    paint = run[:, :3] / run[:, 3:].clamp(min=1e-3)
    inside = blur((share > 0.5).float(), 1.6 * unit)  # near the contour pigment gathers
    rim = (4 * inside * (1 - inside)).clamp(0, 1) * (share > 0)
    tone = luminance(paint)
    steps = (tone - F.avg_pool2d(tone, 5, 1, 2, count_include_pad=False)).abs().clamp(
        max=0.2
    ) * 2  # and where colours meet
    clouds = value_noise(size, 5, seed, device, octaves=3) - 0.5
    density = 1 + strength * (1.1 * clouds + 0.5 * rim + 0.5 * steps)
    return (1 - (1 - paint * (1 - 0.05 * strength)) * density * (1 - 0.18 * strength)).clamp(0, 1)
