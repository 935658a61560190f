"""Loading model files into Blender's scene."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import numpy as np

from .retarget import Motion, Rest
from .rigid import NotRigid, is_rigid_file, with_skin


class Unusable(Exception):
    """Blender can't use a model. The message says why in one line."""


def load(path: str) -> bpy.types.Object:
    """Empty Blender, load a file into it, and return the armature that moves most of its meshes.

    Raises:
        Unusable: it can't be imported, or has no armature.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        if Path(path).suffix.lower() == ".fbx":
            bpy.ops.wm.fbx_import(filepath=path)
        elif is_rigid_file(Path(path)):
            with tempfile.TemporaryDirectory() as folder:
                skinned = Path(folder) / "skinned.glb"
                with_skin(Path(path), skinned)
                bpy.ops.import_scene.gltf(filepath=str(skinned))
        else:
            bpy.ops.import_scene.gltf(filepath=path)
    except NotRigid as error:
        raise Unusable(str(error)) from None
    except Exception as error:  # importers raise errors of any type on broken data
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        raise Unusable(f"Blender can't import it ({lines[-1].strip() if lines else type(error).__name__})") from None
    armatures = [o for o in bpy.data.objects if o.type == "ARMATURE" and o.data.bones]
    if not armatures:
        raise Unusable("Blender finds no skeleton in it")
    return max(armatures, key=lambda armature: (len(meshes_of(armature)), len(armature.data.bones)))


def meshes_of(armature: bpy.types.Object) -> list[bpy.types.Object]:
    """Meshes that an armature moves, or that hang on it; not those that only give bones a shape on the screen."""
    shapes = {bone.custom_shape for bone in armature.pose.bones}
    return [
        o
        for o in bpy.data.objects
        if o.type == "MESH" and o not in shapes and (o.find_armature() == armature or _hangs_on(o, armature))
    ]


def _hangs_on(thing: bpy.types.Object, armature: bpy.types.Object) -> bool:
    while thing.parent is not None:
        thing = thing.parent
        if thing == armature:
            return True
    return False


def ordered_bones(armature: bpy.types.Object) -> list[bpy.types.Bone]:
    """Parents before children."""
    found: list[bpy.types.Bone] = []
    waiting = [bone for bone in armature.data.bones if bone.parent is None]
    while waiting:
        bone = waiting.pop(0)
        found.append(bone)
        waiting += bone.children
    return found


def rest_of(armature: bpy.types.Object) -> Rest:
    bones = ordered_bones(armature)
    number = {bone.name: i for i, bone in enumerate(bones)}
    placed = [armature.matrix_world @ bone.matrix_local for bone in bones]
    return Rest(
        tuple(number),
        tuple(number[bone.parent.name] if bone.parent else -1 for bone in bones),
        np.array([m.to_quaternion().to_matrix() for m in placed]),
        np.array([m.translation for m in placed]),
    )


def sample(path: str, frames: int) -> dict[str, Motion]:
    """Every animation of a file at `frames` moments, in the middle of as many equal parts of it."""
    armature = load(path)
    scene, bones = bpy.context.scene, ordered_bones(armature)
    data = armature.animation_data or armature.animation_data_create()
    for track in data.nla_tracks:
        track.mute = True
    actions = _actions(armature)
    if data.action:
        data.action = None
    _relax(armature)
    rest, motions = rest_of(armature), {}
    for action in actions:
        _relax(armature)
        data.action = action
        data.action_slot = next((s for s in action.slots if s.identifier[2:] == armature.name), action.slots[0])
        start, end = action.frame_range
        turn, head = np.empty((frames, len(bones), 3, 3)), np.empty((frames, len(bones), 3))
        for k in range(frames):
            time = start + (end - start) * (k + 0.5) / frames
            scene.frame_set(int(time // 1), subframe=time % 1)
            for j, bone in enumerate(bones):
                placed = armature.matrix_world @ armature.pose.bones[bone.name].matrix
                turn[k, j], head[k, j] = placed.to_quaternion().to_matrix(), placed.translation
        motions[action.name] = Motion(rest, turn, head)
    return motions


def _actions(armature: bpy.types.Object) -> list[bpy.types.Action]:
    """Animations of the armature, not of shape keys or cameras."""
    return [action for action in bpy.data.actions if any(s.target_id_type == "OBJECT" for s in action.slots)]


def _relax(armature: bpy.types.Object) -> None:
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
    bpy.context.view_layer.update()
