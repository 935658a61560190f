"""Random shots of a character: which motion, when, from where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from capture.data.toon.motion.mixed_motions import ANYWHERE, JOIN
from capture.data.toon.rendering.camera import Shot, View

LAST_SEED = 2**31 - 1
FACING = {  # how often (identity, real, pose) are seen from about the front
    "all": (0.75, 0.4, 0.4),
    "front": (1.0, 1.0, 1.0),
}
FACING_TEST = {"all": (0.9, 0.5), "front": (1.0, 1.0)}  # the same of (identity, pose) of held-out pairs


def draw_view(rng: np.random.Generator, facing: float = 0.4) -> View:
    """A random camera: near the front with probability `facing`, otherwise anywhere around the character."""
    azimuth = rng.normal(0, 28) if rng.random() < facing else rng.uniform(-180, 180)
    return View(float(azimuth), float(rng.uniform(-2, 13)), float(rng.uniform(0, 0.22)))


def draw_shot(
    rng: np.random.Generator,
    character: int,
    clips: Sequence[str],
    facing: float,
    mixed_motions: float = 0.0,
    reach: float = 0.0,
) -> Shot:
    """A random shot of a character: one of `clips`, in a random style, at a random time, from a random camera.

    Args:
        facing: see draw_view.
        mixed_motions: probability that the motion is a mixture of two clips (capture.data.toon.motion.mixed_motions).
        reach: of these, the share whose head and arms are anywhere.
    """
    clip, style = clips[int(rng.integers(len(clips)))], int(rng.integers(LAST_SEED))
    time, view = float(rng.random()), draw_view(rng, facing)
    if mixed_motions and rng.random() < mixed_motions:
        clip += JOIN + clips[int(rng.integers(len(clips)))]
        if reach and rng.random() < reach:
            clip += JOIN + ANYWHERE
    return Shot(character, clip, style, time, view)
