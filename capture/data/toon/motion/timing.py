"""What clips are written with: seeded styles, oscillations, eased key curves, and strides."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.motion.posing import Pose

# Style numbers, in [-1, 1]: 0 size of the motion, 1 lean, 2 arms, 3 legs, 4 head, 5 timing, 6 accent, 7 mirror
STYLE_SIZE = 10

Clip = Callable[[Pose, Tensor, "Style"], Pose]  # (pose to write to, time, style) -> that pose


class Style:
    """Seeded style numbers of a batch, (B, STYLE_SIZE), read by name."""

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers
        self.lean, self.arms, self.legs, self.head = (numbers[:, i] for i in (1, 2, 3, 4))
        self.accent, self.free, self.other = (numbers[:, i] for i in (6, 8, 9))
        self.size = 1 + 0.2 * numbers[:, 0]  # 0.8 .. 1.2


@functools.lru_cache(maxsize=65536)
def style_numbers(seed: int) -> tuple[float, ...]:
    """The style numbers of one seed."""
    return tuple(np.random.default_rng([seed, 0x57]).uniform(-1, 1, STYLE_SIZE).tolist())


def wave_of(t: Tensor, cycles: int = 1, phase: float = 0.0) -> Tensor:
    """sin(2 pi (cycles t + phase)): the basic oscillation."""
    return exact.sin(2 * torch.pi * (cycles * t + phase))


def keys(t: Tensor, *points: tuple[float, float]) -> Tensor:
    """A looping curve through (time, value) points with eased segments; the last point leads back to the first."""
    t = t - torch.floor(t)
    points = (*points, (points[0][0] + 1.0, points[0][1]))
    first = points[0][0]
    t = torch.where(t < first, t + 1.0, t)
    result = torch.full_like(t, points[0][1])
    for (t0, v0), (t1, v1) in zip(points[:-1], points[1:], strict=True):
        a = ((t - t0) / (t1 - t0)).clamp(0, 1)
        result = result + (v1 - v0) * (a * a * (3 - 2 * a))
    return result


def stride(t: Tensor, step: Tensor, lift: Tensor, roll: float, duty: float = 0.6) -> tuple[Tensor, Tensor, Tensor]:
    """One foot of a gait: (ahead, up, toes down) at phase t; on the floor for the first `duty` of the cycle."""
    t = t - torch.floor(t)
    stance = (t / duty).clamp(0, 1)
    swing = ((t - duty) / (1 - duty)).clamp(0, 1)
    eased = swing * swing * (3 - 2 * swing)
    ahead = step * (0.5 - stance + eased)
    up = lift * exact.sin(torch.pi * swing).square()
    pitch = roll * (exact.sin(torch.pi * ((t - duty + 0.18) / 0.42).clamp(0, 1)))
    return ahead, up, pitch - 0.4 * roll * exact.sin(torch.pi * ((swing - 0.5) / 0.5).clamp(0, 1))
