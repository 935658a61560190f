"""Small model files for tests: glTF and FBX that hold the names of bones and animations, and no geometry."""

from __future__ import annotations

import json
import struct

BONES = ("Hips", "Spine", "Head", "LeftArm", "RightArm", "LeftLeg", "RightLeg")
SECOND = 46186158000


def gltf_scene(bones=BONES, actions=(("Walk", 1.0),), skinned=True) -> dict:
    """A glTF scene of names: a mesh on a skeleton, and animations that last so many seconds."""
    nodes = [{"name": bone} for bone in bones] + ([{"name": "Body", "mesh": 0, "skin": 0}] if skinned else [])
    return {
        "asset": {"version": "2.0"},
        "nodes": nodes,
        "skins": [{"joints": list(range(len(bones)))}] if skinned else [],
        "accessors": [{"min": [0.0], "max": [seconds]} for _, seconds in actions],
        "animations": [
            {
                "name": name,
                "samplers": [{"input": i}],
                "channels": [{"sampler": 0, "target": {"node": n}} for n in (0, 1, 2)],
            }
            for i, (name, _) in enumerate(actions)
        ],
    }


def glb(scene: dict) -> bytes:
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text), b"JSON") + text


def _value(value) -> bytes:
    if isinstance(value, int):
        return struct.pack("<cq", b"L", value)
    if isinstance(value, list):  # an array, as geometry has them
        data = struct.pack(f"<{len(value)}d", *value)
        return struct.pack("<cIII", b"d", len(value), 0, len(data)) + data
    return struct.pack("<cI", b"S", len(value.encode())) + value.encode()


def _record(name: str, values: list, children: list, at: int, wide: bool) -> bytes:
    head, size = ("<QQQB", 25) if wide else ("<IIIB", 13)
    data = b"".join(map(_value, values))
    inside, start = b"", at + size + len(name) + len(data)
    for child in children:
        inside += _record(*child, start + len(inside), wide)
    if children:
        inside += b"\x00" * size
    return struct.pack(head, start + len(inside), len(values), len(data), len(name)) + name.encode() + data + inside


def fbx(bones=BONES, actions=(("mixamo.com", 1.0),), skinned=True, version=7400) -> bytes:
    """A binary FBX file with the same."""
    objects = [("Model", [n, f"mixamorig:{bone}\x00\x01Model", "LimbNode"], []) for n, bone in enumerate(bones)]
    if skinned:
        objects.append(("Geometry", [90, "Body\x00\x01Geometry", "Mesh"], [("Vertices", [[0.5] * 30], [])]))
        objects.append(("Model", [91, "Body\x00\x01Model", "Mesh"], []))
        objects.append(("Deformer", [92, "Armature\x00\x01Deformer", "Skin"], []))
    for n, (name, seconds) in enumerate(actions):
        times = [("P", ["LocalStart", "KTime", "Time", "", 0], [])]
        times.append(("P", ["LocalStop", "KTime", "Time", "", int(seconds * SECOND)], []))
        objects.append(("AnimationStack", [100 + n, f"{name}\x00\x01AnimStack", ""], [("Properties70", [], times)]))
    out = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", version)
    for name, children in (("Creator", []), ("Objects", objects)):
        out += _record(name, ["someone"] if not children else [], children, len(out), version >= 7500)
    return out + b"\x00" * (25 if version >= 7500 else 13) + b"footer" * 20


TEXT_FBX = """; FBX 7.4.0 project file
FBXHeaderExtension:  {
\tFBXVersion: 7400
}
Objects:  {
\tModel: 11, "Model::mixamorig:Hips", "LimbNode" {
\t\tVersion: 232
\t}
\tModel: 12, "Model::mixamorig:Head", "LimbNode" {
\t}
\tModel: 13, "Model::Body", "Mesh" {
\t}
\tDeformer: 14, "Deformer::", "Skin" {
\t}
\tAnimationStack: 15, "AnimStack::mixamo.com", "" {
\t\tProperties70:  {
\t\t\tP: "LocalStart", "KTime", "Time", "",1539538600
\t\t\tP: "LocalStop", "KTime", "Time", "",46186158000
\t\t}
\t}
\tAnimationStack: 16, "AnimStack::Take 001", "" {
\t\tProperties70:  {
\t\t\tP: "LocalStop", "KTime", "Time", "",1539538600
\t\t}
\t}
}
"""


def write(folder, files: dict) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
