"""What the plan needs to know about the contents of a model file."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST = 0.1  # seconds: a shorter "animation" is a pose, such as the T-pose that Mixamo puts into a character


@dataclass(frozen=True)
class Contents:
    """The names of bones and animations, as the file spells them.

    Attributes:
        bones: of the file's skeletons; without a skinned mesh, what its animations move.
        actions: animations longer than a pose.
        skinned: whether a mesh follows the bones, so that the file holds a character and not only clips.
    """

    bones: tuple[str, ...]
    actions: tuple[str, ...]
    skinned: bool


class Broken(Exception):
    """A file can't be read. The message says why in one line."""


def lasts(seconds: float) -> bool:
    """Whether an animation is longer than a single pose."""
    return seconds >= SHORTEST
