"""Motions by name: which clips there are, and the pose of any batch of (clip, time, style)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from capture.data.toon import exact
from capture.data.toon.motion.clips import CLIP_FUNCTIONS
from capture.data.toon.motion.mixed_motions import JOIN, mix_motions
from capture.data.toon.motion.posing import Pose, Posture, solve
from capture.data.toon.motion.timing import Style, style_numbers

CLIPS: tuple[str, ...] = tuple(CLIP_FUNCTIONS)
AIRBORNE: frozenset[str] = frozenset(("run", "jump", "star_jump", "cheer", "fly"))
# clips in the order in which a small dataset should take them: each clip is unlike the clips before it
VARIED: tuple[str, ...] = (
    *("walk", "dance_a", "jump", "sword_swing", "wave", "squat", "run", "spell", "kick", "dance_b", "cheer", "bow"),
    *("punch", "idle", "turn", "throw", "crawl", "dance_c", "sit", "hands_on_hips", "floss", "sneak", "ballet"),
    *("star_jump", "fall", "clap", "kneel", "fly", "sit_chair"),
)


def posture(clips: Sequence[str], times: Sequence[float], style_seeds: Sequence[int], device: str = "cpu") -> Posture:
    """The pose of every shot: rotations (B, J, 3, 3) and shift (B, 3), whatever the mix of clips.

    The names of two clips, joined by "+", name a mixture of both, "+anywhere" after them one whose head and arms are
    anywhere, and "+fours" and "+quadruped" one on four legs (capture.data.toon.motion.mixed_motions).
    """
    t = torch.tensor(times, dtype=torch.float32, device=device)
    numbers = torch.tensor([style_numbers(seed) for seed in style_seeds], dtype=torch.float32, device=device)
    style_time = t + 0.035 * numbers[:, 5] * exact.sin(2 * torch.pi * t)
    rows_by_name: dict[str, list[int]] = {}
    for i, name in enumerate(clips):
        rows_by_name.setdefault(name, []).append(i)
    joined = Pose(t)
    for name, rows in rows_by_name.items():
        index = torch.tensor(rows, device=device)
        names = name.split(JOIN)
        functions = [CLIP_FUNCTIONS[clip] for clip in names[:2]]
        poses = [write(Pose(t[index]), style_time[index], Style(numbers[index])) for write in functions]
        seeds = [style_seeds[i] for i in rows]
        mixed = poses[0] if len(poses) == 1 else mix_motions(poses[0], poses[1], seeds, "".join(names[2:]))
        joined.put(index, mixed)
    return solve(joined.mirrored(numbers[:, 7] > 0))
