"""What one model file holds, as far as planning needs to know."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST = 0.1  # seconds: a shorter "animation" is a pose, such as the T-pose that Mixamo puts into a character


@dataclass(frozen=True)
class Contents:
    """Names as the file spells them.

    Attributes:
        bones: of its skeletons, or of what its animations move where nothing is skinned.
        actions: animations longer than a pose.
        skinned: whether there is a mesh that follows the bones: a character, not a clip alone.
    """

    bones: tuple[str, ...]
    actions: tuple[str, ...]
    skinned: bool


class Broken(Exception):
    """A file that can't be read: why, in one line."""


def lasts(seconds: float) -> bool:
    """Whether an animation is more than a pose."""
    return seconds >= SHORTEST
