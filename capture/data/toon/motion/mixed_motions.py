"""Mixed motions: trunk, head and arms of one clip, legs of another clip, and random noise on every channel.

A network that trains on a few dozen clips learns just these clips: on toon, the cross-entropy of its layouts is a
quarter higher in clips that it never saw. The motion `walk+sit` is walk above the hips and sit below them. In
`walk+sit+anywhere`, the head also turns as far as a neck allows, and each arm mostly points anywhere that it can reach,
before the face and behind the back too. In `walk+walk+fours`, a character that is made for two legs stands on four; in
`walk+walk+quadruped`, one that is made for four legs does (capture.data.toon.characters.quadrupeds). Only training uses
mixed motions (`toon_mixed_motions`, `toon_reach`, `toon_bodies`), and it mixes no clips that are held out.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from capture.data.toon.motion.posing import SIDE, Pose

JOIN = "+"  # between the names of the two clips
ANYWHERE = "anywhere"  # after them: head and arms are anywhere
FOURS = "fours"  # after them: the trunk is level, and the arms are forelegs
QUADRUPED = "quadruped"  # after them: the same for a character that is made for it
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


# Degrees between which channels of head and arms lie where they are anywhere, evenly distributed
_HEAD = {"head_yaw": (-80.0, 80.0), "head_pitch": (-30.0, 30.0), "head_roll": (-18.0, 18.0)}
_ARM = {
    "arm_fwd": (-50.0, 190.0), "arm_out": (-15.0, 100.0), "arm_twist": (-40.0, 80.0),
    "arm_bend": (0.0, 145.0), "hand": (-30.0, 50.0),
}  # fmt: skip
# The same of characters on four legs. Channels of arms and legs are drawn for each side
_FOURS = {
    "height": (0.72, 0.97), "hip_pitch": (66.0, 98.0), "hip_yaw": (-6.0, 6.0), "hip_roll": (-6.0, 6.0),
    "back_pitch": (-10.0, 14.0), "back_yaw": (-10.0, 10.0), "back_roll": (-8.0, 8.0),
    "head_pitch": (-90.0, -10.0), "head_yaw": (-45.0, 45.0), "head_roll": (-10.0, 10.0), "lift": (-0.4, 0.2),
}  # fmt: skip
_FOURS_LEGS = {
    "arm_fwd": (52.0, 122.0), "arm_out": (0.0, 12.0), "arm_twist": (-8.0, 8.0), "arm_bend": (0.0, 42.0),
    "hand": (-70.0, -10.0), "foot_x": (0.0, 0.08), "foot_y": (-0.3, 0.25), "foot_z": (-0.38, 0.38),
    "foot_pitch": (0.0, 50.0), "foot_yaw": (-5.0, 5.0), "knee_out": (-5.0, 8.0),
}  # fmt: skip
# The same of quadrupeds, whose carpus bends backwards
_QUADRUPED = {
    "height": (0.66, 0.99), "hip_pitch": (74.0, 104.0), "hip_yaw": (-6.0, 6.0), "hip_roll": (-8.0, 8.0),
    "back_pitch": (-14.0, 14.0), "back_yaw": (-8.0, 8.0), "back_roll": (-16.0, 16.0), "lift": (-0.5, 0.3),
    "head_pitch": (-105.0, -35.0), "head_yaw": (-14.0, 14.0), "head_roll": (-40.0, 40.0),
    "neck_pitch": (-30.0, 100.0), "neck_turn": (-45.0, 45.0),
}  # fmt: skip
_QUADRUPED_LEGS = {
    "arm_fwd": (50.0, 132.0), "arm_out": (0.0, 6.0), "arm_twist": (-6.0, 6.0), "arm_bend": (-75.0, 14.0),
    "hand": (-50.0, 20.0), "foot_x": (-0.02, 0.06), "foot_y": (-0.4, 0.3), "foot_z": (-0.62, 0.55),
    "foot_pitch": (-22.0, 48.0), "foot_yaw": (-5.0, 5.0), "knee_out": (-3.0, 5.0),
}  # fmt: skip
_ON_FOURS = {
    end: trunk | {side + name: limits for side in "lr" for name, limits in legs.items()}
    for end, trunk, legs in ((FOURS, _FOURS, _FOURS_LEGS), (QUADRUPED, _QUADRUPED, _QUADRUPED_LEGS))
}  # by the end of a motion's name
_NEVER_BELOW_0 = ("lift", "foot_y")  # so these are mostly 0
_FREE = 0.75  # share of arms that are anywhere; the others stay as the clip has them


def is_motion(name: str, clips: tuple[str, ...]) -> bool:
    """Whether a name is one of `clips`, two of them joined, or these and ANYWHERE, FOURS or QUADRUPED."""
    names = name.split(JOIN)
    if len(names) == 3 and names[2] in (ANYWHERE, *_ON_FOURS):
        names = names[:2]
    return 1 <= len(names) <= 2 and all(part in clips for part in names)


def mix_motions(above: Pose, below: Pose, seeds: list[int], end: str = "") -> Pose:
    """The trunk, head and arms of one batch of poses on the legs of another. Each row's seed decides its noise.

    Args:
        end: ANYWHERE puts head and arms anywhere that they can reach; FOURS and QUADRUPED put characters on four legs.
    """
    above.set(**{channel: below[channel] for channel in _BELOW})
    numbers = torch.tensor([_numbers(seed) for seed in seeds], dtype=torch.float32, device=above["turn"].device)
    for channel, number in zip(_CHANNELS, numbers.unbind(1)):
        kind = _without_side(channel)
        above.set(**{channel: _clamped(kind, above[channel] + _noise(kind, number))})
    if end in _ON_FOURS:
        return _on_fours(above, seeds, _ON_FOURS[end])
    return _reach(above, seeds) if end == ANYWHERE else above


def _on_fours(pose: Pose, seeds: list[int], ranges: dict[str, tuple[float, float]]) -> Pose:
    drawn = [np.random.default_rng([seed, 0x3F]).random(len(ranges)).tolist() for seed in seeds]
    numbers = torch.tensor(drawn, dtype=torch.float32, device=pose["turn"].device)
    for (channel, (low, high)), number in zip(ranges.items(), numbers.unbind(1)):
        value = low + (high - low) * number
        pose.set(**{channel: value.clamp(min=0) if _without_side(channel) in _NEVER_BELOW_0 else value})
    return pose.set(tumble_pitch=0.0, tumble_roll=0.0)


def _reach(pose: Pose, seeds: list[int]) -> Pose:
    numbers = torch.tensor([_even_numbers(seed) for seed in seeds], dtype=torch.float32, device=pose["turn"].device)
    columns = iter(numbers.unbind(1))
    for channel, (low, high) in _HEAD.items():
        pose.set(**{channel: low + (high - low) * next(columns)})
    for side in "lr":
        free = next(columns) < _FREE
        for name, (low, high) in _ARM.items():
            channel = side + name
            pose.set(**{channel: torch.where(free, low + (high - low) * next(columns), pose[channel])})
    return pose


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


@functools.lru_cache(maxsize=65536)
def _even_numbers(seed: int) -> tuple[float, ...]:
    """Numbers between 0 and 1 for the channels of the head, and for each arm whether it is free and its channels."""
    count = len(_HEAD) + 2 * (1 + len(_ARM))
    return tuple(np.random.default_rng([seed, 0x2F]).random(count).tolist())
