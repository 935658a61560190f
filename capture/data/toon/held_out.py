"""Test pairs drawn live: characters that training never sees."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from capture.data.toon.dataset import FACING_TEST, HELD_OUT_SEEDS, draw_shot
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.rendering.camera import Shot
from capture.data.toon.rendering.render import render


def held_out_batch(count: int, size: int, seed: int = 0, views: str = "all") -> dict[str, Tensor]:
    """`count` pairs, always the same for the same seed: uint8 (count, 3, S, S) `identity`, `pose`, `target`."""
    shots = [shot for i in range(count) for shot in _triple(seed, i, FACING_TEST[views])]
    images = render(shots, size)["rgb"].unflatten(0, (count, 3))
    return {name: images[:, k] for k, name in enumerate(("identity", "pose", "target"))}


def _triple(seed: int, index: int, facing: tuple[float, float]) -> tuple[Shot, Shot, Shot]:
    rng = np.random.default_rng([seed, index])
    a, b = (int(HELD_OUT_SEEDS[i]) for i in rng.choice(len(HELD_OUT_SEEDS), size=2, replace=False))
    identity, pose = (draw_shot(rng, who, CLIPS, share) for who, share in zip((a, b), facing))
    return identity, pose, pose.of(a)
