"""Mixed motions: trunk, head and arms of one clip, legs of another clip, and random noise on every channel.

A network that trains on a few dozen clips learns just these clips: on toon, the cross-entropy of its layouts is a
quarter higher in clips that it never saw. The motion `walk+sit` is walk above the hips and sit below them. Only
training uses mixed motions (`toon_mixed_motions`), and it mixes no clips that are held out.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from capture.data.toon.motion.posing import SIDE, Pose

JOIN = "+"  # between the names of the two clips
_SIDED = tuple(side + name for side in "lr" for name in SIDE)
_LEGS = tuple(channel for channel in _SIDED if channel[1:].startswith(("foot", "knee")))
_BELOW = ("height", "lift", "hip_pitch", "hip_yaw", "hip_roll", *_LEGS)  # channels that are taken with the legs

# Standard deviation of the noise of each channel (degrees, leg lengths)
_NOISE = {
    "height": 0.08, "hip_pitch": 14.0, "hip_yaw": 8.0, "hip_roll": 8.0,
    "back_pitch": 12.0, "back_yaw": 14.0, "back_roll": 8.0, "head_pitch": 12.0, "head_yaw": 16.0, "head_roll": 8.0,
    "arm_fwd": 32.0, "arm_out": 20.0, "arm_twist": 22.0, "arm_bend": 24.0, "hand": 20.0,
    "foot_x": 0.08, "foot_y": 0.1, "foot_z": 0.16, "foot_pitch": 16.0, "foot_yaw": 12.0, "knee_out": 10.0,
}  # fmt: skip
# Channels whose noise is mostly near 0 and rarely large: (factor of the cube of a normal number, limit)
_RARE = {"turn": (40.0, 180.0), "tumble_pitch": (9.0, 95.0), "tumble_roll": (8.0, 95.0), "lift": (0.1, 0.5)}
_RANGES = {
    "height": (0.1, 0.99),
    "foot_y": (0.0, 1.2),
    "arm_bend": (0.0, 145.0),
    "lift": (0.0, 0.9),
}  # of a body
_CHANNELS = (*_RARE, *(name for name in _NOISE if name not in SIDE), *_SIDED)


def is_motion(name: str, clips: tuple[str, ...]) -> bool:
    """Whether a name is one of `clips`, or two of them joined."""
    return 1 <= len(name.split(JOIN)) <= 2 and all(part in clips for part in name.split(JOIN))


def mix_motions(above: Pose, below: Pose, seeds: list[int]) -> Pose:
    """The trunk, head and arms of one batch of poses on the legs of another. Each row's seed decides its noise."""
    above.set(**{channel: below[channel] for channel in _BELOW})
    numbers = torch.tensor([_numbers(seed) for seed in seeds], dtype=torch.float32, device=above["turn"].device)
    for channel, number in zip(_CHANNELS, numbers.unbind(1)):
        kind = _without_side(channel)
        above.set(**{channel: _clamped(kind, above[channel] + _noise(kind, number))})
    return above


def _noise(kind: str, number: Tensor) -> Tensor:
    if kind in _RARE:
        size, most = _RARE[kind]
        return (size * number**3).clamp(-most, most)
    return _NOISE[kind] * number


def _clamped(kind: str, value: Tensor) -> Tensor:
    return value.clamp(*_RANGES[kind]) if kind in _RANGES else value


def _without_side(channel: str) -> str:
    """A channel's name without its side."""
    return channel[1:] if channel[1:] in SIDE else channel


@functools.lru_cache(maxsize=65536)
def _numbers(seed: int) -> tuple[float, ...]:
    """One normal number for each channel."""
    return tuple(np.random.default_rng([seed, 0x1F]).standard_normal(len(_CHANNELS)).tolist())
