"""Motions that no clip has: trunk, head and arms of one clip, legs of another, and every channel loosened by chance.

A network that trains on a few dozen clips learns these clips: on toon, what it lays out in clips that it never saw is a
quarter worse. So `walk+sit` names a motion too: walk above the hips, sit below. Only training asks for them
(`toon_improvised`), and only out of clips that it may see.
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
_BELOW = ("height", "lift", "hip_pitch", "hip_yaw", "hip_roll", *_LEGS)  # what comes with the legs

# Standard deviation of each channel (degrees, leg lengths)
_LOOSE = {
    "height": 0.08, "hip_pitch": 14.0, "hip_yaw": 8.0, "hip_roll": 8.0,
    "back_pitch": 12.0, "back_yaw": 14.0, "back_roll": 8.0, "head_pitch": 12.0, "head_yaw": 16.0, "head_roll": 8.0,
    "arm_fwd": 32.0, "arm_out": 20.0, "arm_twist": 22.0, "arm_bend": 24.0, "hand": 20.0,
    "foot_x": 0.08, "foot_y": 0.1, "foot_z": 0.16, "foot_pitch": 16.0, "foot_yaw": 12.0, "knee_out": 10.0,
}  # fmt: skip
# Channels that are mostly near 0 and now and then far: this times the cube of a normal number, up to the limit
_RARE = {"turn": (40.0, 180.0), "tumble_pitch": (9.0, 95.0), "tumble_roll": (8.0, 95.0), "lift": (0.1, 0.5)}
_WITHIN = {"height": (0.1, 0.99), "foot_y": (0.0, 1.2), "arm_bend": (0.0, 145.0), "lift": (0.0, 0.9)}  # what bodies can
_CHANNELS = (*_RARE, *(name for name in _LOOSE if name not in SIDE), *_SIDED)


def is_motion(name: str, clips: tuple[str, ...]) -> bool:
    """Whether a name is one of `clips`, or two of them joined."""
    return 1 <= len(name.split(JOIN)) <= 2 and all(part in clips for part in name.split(JOIN))


def improvised(above: Pose, below: Pose, seeds: list[int]) -> Pose:
    """The trunk, head and arms of one batch of poses on the legs of another, loosened as each row's seed says."""
    above.set(**{channel: below[channel] for channel in _BELOW})
    numbers = torch.tensor([_numbers(seed) for seed in seeds], dtype=torch.float32, device=above["turn"].device)
    for channel, number in zip(_CHANNELS, numbers.unbind(1)):
        plain = _plain(channel)
        above.set(**{channel: _within(plain, above[channel] + _loosened(plain, number))})
    return above


def _loosened(plain: str, number: Tensor) -> Tensor:
    if plain in _RARE:
        size, most = _RARE[plain]
        return (size * number**3).clamp(-most, most)
    return _LOOSE[plain] * number


def _within(plain: str, value: Tensor) -> Tensor:
    return value.clamp(*_WITHIN[plain]) if plain in _WITHIN else value


def _plain(channel: str) -> str:
    """A channel's name without its side."""
    return channel[1:] if channel[1:] in SIDE else channel


@functools.lru_cache(maxsize=65536)
def _numbers(seed: int) -> tuple[float, ...]:
    """One normal number for each channel."""
    return tuple(np.random.default_rng([seed, 0x1F]).standard_normal(len(_CHANNELS)).tolist())
