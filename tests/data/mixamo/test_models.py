"""Reading what model files hold, and telling characters from clips, without Blender."""

from __future__ import annotations

import json
import struct

import pytest

from capture.common.errors import CaptureError
from capture.data.mixamo.contents import Broken
from capture.data.mixamo.fbx import read_fbx
from capture.data.mixamo.gltf import read_gltf
from capture.data.mixamo.models import find_models, passed_over, safe_name

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


@pytest.mark.parametrize("version", [7400, 7500])
def test_binary_fbx(tmp_path, version):
    (tmp_path / "a.fbx").write_bytes(fbx(version=version, actions=(("mixamo.com", 1.0), ("Take 001", 0.03))))
    found = read_fbx(tmp_path / "a.fbx")
    assert found.bones == tuple(f"mixamorig:{bone}" for bone in BONES)
    assert found.actions == ("mixamo.com",) and found.skinned  # the other is a T-pose
    (tmp_path / "b.fbx").write_bytes(fbx(version=version, skinned=False))
    assert not read_fbx(tmp_path / "b.fbx").skinned


def test_text_fbx(tmp_path):
    (tmp_path / "a.fbx").write_text(TEXT_FBX)
    found = read_fbx(tmp_path / "a.fbx")
    assert found.bones == ("mixamorig:Hips", "mixamorig:Head")
    assert found.actions == ("mixamo.com",) and found.skinned


@pytest.mark.parametrize("keep", [20, 26, 60, 400, 900])
def test_fbx_cut_short_is_broken(tmp_path, keep):
    (tmp_path / "a.fbx").write_bytes(fbx()[:keep])
    with pytest.raises(Broken, match="cut short|not FBX"):
        read_fbx(tmp_path / "a.fbx")


def test_other_broken_fbx(tmp_path):
    for data, why in ((b"", "empty"), (b"MZ" * 50, "not FBX"), (fbx(version=6100), "FBX version 6.1")):
        (tmp_path / "a.fbx").write_bytes(data)
        with pytest.raises(Broken, match=why):
            read_fbx(tmp_path / "a.fbx")


def test_gltf_as_text_and_binary_under_either_name(tmp_path):
    scene = gltf_scene(actions=(("Walk", 1.0), ("Pose", 0.0)))
    write(tmp_path, {"text.gltf": scene, "binary.gltf": glb(scene), "binary.glb": glb(scene)})
    for name in ("text.gltf", "binary.gltf", "binary.glb"):
        found = read_gltf(tmp_path / name)
        assert found.bones == BONES and found.actions == ("Walk",) and found.skinned


def test_gltf_of_motion_alone_has_the_bones_it_moves(tmp_path):
    write(tmp_path, {"a.gltf": gltf_scene(skinned=False)})
    found = read_gltf(tmp_path / "a.gltf")
    assert found.bones == BONES[:3] and not found.skinned


def test_broken_gltf(tmp_path):
    scene = gltf_scene()
    scene["buffers"] = [{"uri": "body%20parts.bin", "byteLength": 8}]
    for data, why in (
        (glb(gltf_scene())[:-9], "cut short"),
        (glb(gltf_scene())[:9], "cut short"),
        (json.dumps(gltf_scene()).encode()[:99], "not glTF"),
        (b"[]", "not glTF"),
        (b'{"asset": {}, "animations": [{}]}', "not valid glTF"),
        (json.dumps(scene).encode(), "needs body parts.bin beside it"),
    ):
        (tmp_path / "a.gltf").write_bytes(data)
        with pytest.raises(Broken, match=why):
            read_gltf(tmp_path / "a.gltf")
    (tmp_path / "body parts.bin").write_bytes(b"12345678")
    assert read_gltf(tmp_path / "a.gltf").skinned


def test_who_is_what(tmp_path):
    write(
        tmp_path,
        {
            "Ch01 nonPBR.fbx": fbx(actions=(("mixamo.com", 0.03),)),
            "Running Jump.fbx": fbx(skinned=False),
            "animations/Wave.fbx": fbx(),  # downloaded with skin
            "characters/Dancer.fbx": fbx(),  # its dance is not wanted
            "pack/hero.glb": glb(gltf_scene(actions=(("Armature|Walk", 1.0), ("Sit Down", 2.0)))),
            "pack/broken.glb": b"glTF",
            "notes.txt": b"hello",
        },
    )
    models, broken = find_models(tmp_path)
    assert list(broken) == ["pack/broken.glb"]
    assert {m.file for m in models if m.is_character} == {"Ch01 nonPBR.fbx", "characters/Dancer.fbx", "pack/hero.glb"}
    assert {m.file: m.clips for m in models if m.clips} == {
        "Running Jump.fbx": {"Running_Jump": "mixamo.com"},
        "animations/Wave.fbx": {"Wave": "mixamo.com"},
        "pack/hero.glb": {"Walk": "Armature|Walk", "Sit_Down": "Sit Down"},
    }
    assert len({m.digest for m in models}) == 4  # the two with the same bytes are alike, everything else differs


def test_names_are_safe_for_folders_and_test_frames():
    assert safe_name("Ch 01__(non PBR)/é") == "Ch_01_non_PBR"
    assert safe_name("..") == "unnamed"


def test_no_models(tmp_path):
    with pytest.raises(CaptureError, match="no such folder"):
        find_models(tmp_path / "nowhere")
    with pytest.raises(CaptureError, match="no .fbx, .glb, .gltf or .vrm files"):
        find_models(tmp_path)


def test_real_files(shared):
    models, broken = find_models(shared / "data" / "quaternius")
    assert len(models) == 40 and not broken
    assert all(model.is_character and len(model.contents.bones) == 23 for model in models)
    assert len(set.intersection(*(set(model.clips) for model in models))) == 14


def test_vrm_is_read_as_gltf_and_what_is_no_model_is_passed_over(tmp_path):
    (tmp_path / "avatar.VRM").write_bytes(glb(gltf_scene()))
    for name in ("scene.blend", "walk.bvh", "texture.png", "buffer.bin", "README"):
        (tmp_path / name).write_bytes(b"x")
    models, broken = find_models(tmp_path)
    assert [model.file for model in models] == ["avatar.VRM"] and models[0].is_character and not broken
    assert [path.name for path in passed_over(tmp_path)] == ["scene.blend", "walk.bvh"]
