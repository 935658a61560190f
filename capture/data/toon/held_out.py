"""Test pairs that are rendered on demand, of characters that training never renders."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from capture.data.toon.dataset import HELD_OUT_SEEDS, SUFFIXES
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.rendering.camera import Shot
from capture.data.toon.rendering.render import render
from capture.data.toon.shots import FACING_TEST, draw_shot

_ROLES = ("identity", "pose", "target")


def held_out_batch(count: int, size: int, seed: int = 0, views: str = "all", uv: bool = False) -> dict[str, Tensor]:
    """`count` test pairs, always the same ones for the same seed.

    Args:
        size: side S of the pictures in pixels.
        views: all, or front, as for ToonStream.
        uv: add the IUV maps.
    Returns:
        uint8 (count, 3, S, S): `identity`, `pose`, `target`; with `uv` also `<name>_uv`.
    """
    shots = [shot for pair in held_out_shots(count, seed, views) for shot in pair]
    outputs = ("rgb", "iuv") if uv else ("rgb",)
    renders = {name: value.unflatten(0, (count, 3)) for name, value in render(shots, size, outputs=outputs).items()}
    return {role + SUFFIXES[name]: value[:, k] for name, value in renders.items() for k, role in enumerate(_ROLES)}


def held_out_shots(count: int, seed: int = 0, views: str = "all") -> list[tuple[Shot, Shot, Shot]]:
    """The shots of identity, pose and target of the pairs of `held_out_batch`."""
    return [_pair(seed, i, FACING_TEST[views]) for i in range(count)]


def _pair(seed: int, index: int, facing: tuple[float, float]) -> tuple[Shot, Shot, Shot]:
    """The shots of identity, pose and target."""
    rng = np.random.default_rng([seed, index])
    first, second = (int(HELD_OUT_SEEDS[i]) for i in rng.choice(len(HELD_OUT_SEEDS), size=2, replace=False))
    identity, pose = (draw_shot(rng, seed, CLIPS, share) for seed, share in zip((first, second), facing))
    return identity, pose, pose.with_character(first)
