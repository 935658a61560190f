"""What is behind the figure: one colour, a gradient, a pattern, noise, clutter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from capture.data.styles.noise import value_noise

Colour = tuple[float, float, float]
OWN_GROUND = "own"  # the ground that the picture has


@dataclass(frozen=True)
class Ground:
    """kind: own, flat, gradient, stripes, checks, dots, noise or clutter; and its two colours."""

    kind: str = OWN_GROUND
    first: Colour = (1.0, 1.0, 1.0)
    second: Colour = (0.8, 0.8, 0.8)
    seed: int = 0


def draw_ground(rng: np.random.Generator, plain_share: float = 0.6) -> Ground:
    """Our grey, white or black with probability `plain_share`, else anything."""
    first, second = _colour(rng), _colour(rng)
    seed = int(rng.integers(2**31))
    if rng.random() < plain_share:
        return Ground() if rng.random() < 0.4 else Ground("flat", _plain_colour(rng), second, seed)
    kind = rng.choice(
        ("flat", "gradient", "stripes", "checks", "dots", "noise", "clutter"),
        p=(0.3, 0.2, 0.06, 0.08, 0.06, 0.15, 0.15),
    )
    return Ground(str(kind), first, second, seed)


def _plain_colour(rng: np.random.Generator) -> Colour:
    value = float(rng.choice((1.0, 1.0, 0.96, 0.85, 0.5, 0.2, 0.0)))
    return value, value, value


def _colour(rng: np.random.Generator) -> Colour:
    base, spread = rng.uniform(0.08, 0.97), rng.uniform(0, 0.35)
    return tuple(float(np.clip(base + spread * rng.uniform(-1, 1), 0, 1)) for _ in range(3))  # type: ignore[return-value]


def ground_picture(ground: Ground, size: int, own: Tensor) -> Tensor:
    """The ground (N, 3, size, size) or (1, 3, size, size) in [0, 1].

    Args:
        own: (N, 3, 1, 1), the colour that the pictures have behind the figure.
    """
    device = own.device
    if ground.kind == OWN_GROUND:
        return own.expand(-1, -1, size, size)
    first, second = (torch.tensor(c, device=device).view(1, 3, 1, 1) for c in (ground.first, ground.second))
    if ground.kind == "flat":
        return first.expand(1, 3, size, size)
    if ground.kind == "clutter":
        return _clutter(ground, size, first)
    amount = _amount(ground, size, device)
    return first + (second - first) * amount[None, None]


def _amount(ground: Ground, size: int, device: torch.device) -> Tensor:
    """How much of the second colour there is, (size, size)."""
    rng = np.random.default_rng([ground.seed, 14])
    steps = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size
    angle, count = rng.uniform(0, 2 * math.pi), rng.uniform(3, 14)
    if ground.kind == "noise":
        return value_noise(size, float(rng.uniform(2, 14)), ground.seed, device, octaves=int(rng.integers(1, 4)))
    x = (steps[None] - 0.5) * math.cos(angle) + (steps[:, None] - 0.5) * math.sin(angle)
    y = (steps[:, None] - 0.5) * math.cos(angle) - (steps[None] - 0.5) * math.sin(angle)
    if ground.kind == "gradient":
        return (0.5 + x).clamp(0, 1)
    fx, fy = torch.floor(x * count), torch.floor(y * count)
    if ground.kind == "stripes":
        return fx % 2
    if ground.kind == "checks":
        return (fx + fy) % 2
    dx, dy = x * count - fx - 0.5, y * count - fy - 0.5
    return (dx * dx + dy * dy < 0.08).float()


def _clutter(ground: Ground, size: int, first: Tensor) -> Tensor:
    """Random rectangles and ellipses, large ones first, as of a drawn scene."""
    rng = np.random.default_rng([ground.seed, 15])
    steps = (torch.arange(size, device=first.device, dtype=torch.float32) + 0.5) / size
    picture = first.expand(1, 3, size, size).clone()
    for k in range(int(rng.integers(5, 14))):
        wide, tall = rng.uniform(0.04, 0.5, 2) * (1 - 0.05 * k)
        x, y = (steps - rng.random()) / wide, (steps - rng.random()) / tall
        if rng.random() < 0.5:
            inside = (x.abs() < 0.5)[None, :] & (y.abs() < 0.5)[:, None]
        else:
            inside = (x * x)[None, :] + (y * y)[:, None] < 0.25
        colour = torch.tensor(_colour(rng), device=first.device).view(1, 3, 1, 1)
        picture = torch.where(inside, colour, picture)
    return picture
