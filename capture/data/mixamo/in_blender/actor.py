"""The character that is on the stage."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from .retarget import Rest


@dataclass
class Actor:
    """A character that has been read into the scene.

    Attributes:
        rest: its skeleton in the rest pose.
        floor: height of its soles in the rest pose.
        trunk: the bones, hips and head, whose middle is kept in the middle of the picture.
    """

    name: str
    file: str
    armature: bpy.types.Object
    meshes: list[bpy.types.Object]
    rest: Rest
    floor: float
    trunk: tuple[str, ...]
