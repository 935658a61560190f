"""Motions by name: which clips there are, and the pose of any batch of (clip, time, style)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from capture.data.toon.motion import clips as _clips  # noqa: F401 (its functions register themselves)
from capture.data.toon.motion.mixed_motions import JOIN, improvised
from capture.data.toon.motion.posing import Pose, Posture, solve
from capture.data.toon.motion.timing import REGISTRY, Style, style_numbers

CLIPS: tuple[str, ...] = tuple(REGISTRY)
AIRBORNE: frozenset[str] = frozenset(("run", "jump", "star_jump", "cheer", "fly"))
# clips in the order in which a small data set should take them: each is unlike those before it
VARIED: tuple[str, ...] = (
    *("walk", "dance_a", "jump", "sword_swing", "wave", "squat", "run", "spell", "kick", "dance_b", "cheer", "bow"),
    *("punch", "idle", "turn", "throw", "crawl", "dance_c", "sit", "hands_on_hips", "floss", "sneak", "ballet"),
    *("star_jump", "fall", "clap", "kneel", "fly", "sit_chair"),
)


def posture(clips: Sequence[str], times: Sequence[float], style_seeds: Sequence[int], device: str = "cpu") -> Posture:
    """The pose of every shot: rotations (B, J, 3, 3) and shift (B, 3), whatever the mix of clips.

    Two clips' names, joined by "+", are a motion too (capture.data.toon.motion.mixed_motions).
    """
    t = torch.tensor(times, dtype=torch.float32, device=device)
    numbers = torch.tensor([style_numbers(seed) for seed in style_seeds], dtype=torch.float32, device=device)
    style_time = t + 0.035 * numbers[:, 5] * torch.sin(2 * torch.pi * t)
    where: dict[str, list[int]] = {}
    for i, name in enumerate(clips):
        where.setdefault(name, []).append(i)
    joined = Pose(t)
    for name, rows in where.items():
        index = torch.tensor(rows, device=device)
        poses = [REGISTRY[part](Pose(t[index]), style_time[index], Style(numbers[index])) for part in name.split(JOIN)]
        joined.put(index, poses[0] if len(poses) == 1 else improvised(*poses, [style_seeds[i] for i in rows]))
    return solve(joined.mirrored(numbers[:, 7] > 0))
