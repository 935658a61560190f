"""Run in Blender's interpreter: a folder of models as Mixamo gives them. `python mixamo_models.py FOLDER`

Four characters with skin (block figures of other sizes and colours), clips without skin saved in the middle of their
motion, one of which walks away, and two glTF creatures on a skeleton of their own that hold their action.
"""

import math
import sys
from pathlib import Path

import bpy
from mathutils import Matrix, Vector

BONES = {  # name: (parent, head, tail, half width of its block)
    "Hips": (None, (0, 0, 1.0), (0, 0, 1.2), 0.18),
    "Spine": ("Hips", (0, 0, 1.2), (0, 0, 1.5), 0.2),
    "Head": ("Spine", (0, 0, 1.55), (0, 0, 1.85), 0.15),
    "LeftArm": ("Spine", (0.22, 0, 1.45), (0.5, 0, 1.45), 0.06),
    "LeftForeArm": ("LeftArm", (0.5, 0, 1.45), (0.8, 0, 1.45), 0.05),
    "RightArm": ("Spine", (-0.22, 0, 1.45), (-0.5, 0, 1.45), 0.06),
    "RightForeArm": ("RightArm", (-0.5, 0, 1.45), (-0.8, 0, 1.45), 0.05),
    "LeftUpLeg": ("Hips", (0.1, 0, 1.0), (0.1, 0, 0.55), 0.08),
    "LeftLeg": ("LeftUpLeg", (0.1, 0, 0.55), (0.1, 0, 0.0), 0.07),
    "RightUpLeg": ("Hips", (-0.1, 0, 1.0), (-0.1, 0, 0.55), 0.08),
    "RightLeg": ("RightUpLeg", (-0.1, 0, 0.55), (-0.1, 0, 0.0), 0.07),
}
CLIPS = {  # name: bone -> (axis in the world, degrees at the end); and how far the hips go forwards
    "Wave": ({"LeftArm": ("Y", -100.0)}, 0.0),
    "Kick": ({"RightUpLeg": ("X", -85.0), "Spine": ("X", 15.0)}, 0.0),
    "Walk Away": ({"LeftUpLeg": ("X", 30.0), "RightUpLeg": ("X", -30.0)}, 6.0),
}
PEOPLE = {  # name: size, colour
    "Ann": (1.0, (0.9, 0.1, 0.1)),
    "Bob": (1.4, (0.1, 0.7, 0.1)),
    "Cid": (0.5, (0.1, 0.2, 0.9)),
    "Dee": (1.0, (0.9, 0.8, 0.1)),
}


def rig(prefix: str, scale: float, names=lambda name: name) -> bpy.types.Object:
    """An armature of BONES at rest."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = bpy.data.objects.new("Armature", bpy.data.armatures.new("Armature"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for name, (parent, head, tail, _) in BONES.items():
        bone = armature.data.edit_bones.new(prefix + names(name))
        bone.head, bone.tail = ([scale * c for c in point] for point in (head, tail))
        if parent:
            bone.parent = armature.data.edit_bones[prefix + names(parent)]
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def dress(armature: bpy.types.Object, scale: float, colour: tuple, names) -> None:
    """A block around every bone, that follows it."""
    points, faces, groups = [], [], {}
    for bone, (_, head, tail, half) in BONES.items():
        low = [scale * (min(a, b) - (half if abs(a - b) < 1e-6 else 0)) for a, b in zip(head, tail)]
        high = [scale * (max(a, b) + (half if abs(a - b) < 1e-6 else 0)) for a, b in zip(head, tail)]
        first = len(points)
        points += [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        corners = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
        faces += [tuple(first + i for i in face) for face in corners]
        groups[bone] = list(range(first, first + 8))
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata(points, [], faces)
    material = bpy.data.materials.new("Cloth")
    material.use_nodes = True
    principled = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    principled.inputs["Base Color"].default_value = (*colour, 1)
    mesh.materials.append(material)
    body = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(body)
    body.parent = armature
    body.modifiers.new("Armature", "ARMATURE").object = armature
    for bone, indices in groups.items():
        body.vertex_groups.new(name=names(bone)).add(indices, 1.0, "REPLACE")


def act(armature: bpy.types.Object, clip: str, scale: float, names) -> None:
    """Key a clip over 21 frames."""
    turns, away = CLIPS[clip]
    armature.animation_data_create().action = bpy.data.actions.new(clip)
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    for frame in (1, 21):
        for bone, (axis, degrees) in turns.items():
            pose = armature.pose.bones[names(bone)]
            rest = pose.bone.matrix_local.to_3x3()
            world = Matrix.Rotation(math.radians(degrees if frame > 1 else 0), 3, axis)
            pose.rotation_quaternion = (rest.inverted() @ world @ rest).to_quaternion()
            pose.keyframe_insert("rotation_quaternion", frame=frame)
        hips = armature.pose.bones[names("Hips")]
        rest = hips.bone.matrix_local.to_3x3()
        hips.location = rest.inverted() @ Vector((0, -away * scale * (frame > 1), 0))
        hips.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 21


def save_fbx(path: Path, animated: bool) -> None:
    bpy.ops.export_scene.fbx(
        filepath=str(path),
        object_types={"ARMATURE"} if animated else {"ARMATURE", "MESH"},
        bake_anim=animated,
        bake_anim_use_nla_strips=False,
        bake_anim_use_all_actions=False,
        add_leaf_bones=not animated,
    )


def main(folder: Path) -> None:
    (folder / "creatures").mkdir(parents=True, exist_ok=True)
    for number, (name, (scale, colour)) in enumerate(PEOPLE.items()):
        prefix = f"mixamorig{number or ''}:"
        armature = rig(prefix, scale)
        dress(armature, scale, colour, lambda bone, prefix=prefix: prefix + bone)
        save_fbx(folder / f"{name}.fbx", animated=False)
    for clip in CLIPS:
        armature = rig("mixamorig:", 1.0)
        act(armature, clip, 1.0, lambda bone: "mixamorig:" + bone)
        bpy.context.scene.frame_set(16)
        save_fbx(folder / f"{clip}.fbx", animated=True)
    for name, colour in (("Fox", (0.8, 0.3, 0.05)), ("Owl", (0.3, 0.3, 0.3))):
        other = {bone: f"joint{i}" for i, bone in enumerate(BONES)}.get
        armature = rig("", 1.0, other)
        dress(armature, 1.0, colour, other)
        act(armature, "Wave", 1.0, other)
        bpy.ops.export_scene.gltf(filepath=str(folder / "creatures" / f"{name}.glb"), export_format="GLB")


main(Path(sys.argv[1]))
