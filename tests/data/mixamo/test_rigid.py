"""Characters of rigid pieces: the skinned file that is made of one moves every vertex as the file itself says."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from capture.data.mixamo.gltf import read_gltf
from capture.data.mixamo.in_blender.rigid import NotRigid, is_rigid, with_skin

TRIANGLE = np.array([(0, 0, 0), (1, 0, 0), (0, 2, 0.5)], "<f4")
QUARTER = [0.0, 0.0, float(np.sqrt(0.5)), float(np.sqrt(0.5))]  # about z


def scene_of_pieces() -> tuple[dict, bytes]:
    """A body with a head and two arms; the body has a scale, so that all above it has one as well."""
    times = np.array([0, 1], "<f4")
    turns = np.array([(0, 0, 0, 1), QUARTER], "<f4")
    moves = np.array([(0, 2, 0), (0, 3, 0.5)], "<f4")
    parts = [TRIANGLE, times, turns, moves]
    views, start = [], 0
    for part in parts:
        views.append({"buffer": 0, "byteOffset": start, "byteLength": part.nbytes})
        start += part.nbytes
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 2, 0.5]},
        {"bufferView": 1, "componentType": 5126, "count": 2, "type": "SCALAR", "min": [0], "max": [1]},
        {"bufferView": 2, "componentType": 5126, "count": 2, "type": "VEC4"},
        {"bufferView": 3, "componentType": 5126, "count": 2, "type": "VEC3"},
    ]
    mesh = {"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 0}}]}
    scene = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"name": "root", "children": [1]},
            {"name": "torso", "mesh": 0, "translation": [0, 1, 0], "scale": [0.5, 0.5, 0.5], "children": [2, 3, 4]},
            {"name": "head", "mesh": 1, "translation": [0, 2, 0], "scale": [0.1, 0.1, 0.1]},
            {"name": "arm-left", "mesh": 2, "translation": [1, 0, 0], "rotation": QUARTER},
            {"name": "arm-right", "mesh": 2, "translation": [-1, 0, 0]},
        ],
        "meshes": [mesh, mesh, mesh],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": start}],
        "animations": [
            {
                "name": "walk",
                "samplers": [{"input": 1, "output": 2}, {"input": 1, "output": 3}],
                "channels": [
                    {"sampler": 0, "target": {"node": 1, "path": "rotation"}},
                    {"sampler": 1, "target": {"node": 2, "path": "translation"}},
                    {"sampler": 0, "target": {"node": 3, "path": "rotation"}},
                ],
            }
        ],
    }
    return scene, b"".join(part.tobytes() for part in parts)


def write_glb(path, scene: dict, data: bytes) -> None:
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
    chunk = struct.pack("<I4s", len(data), b"BIN\0")
    path.write_bytes(head + struct.pack("<I4s", len(text), b"JSON") + text + chunk + data)


def read_glb(path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def values(scene: dict, data: bytes, number: int) -> np.ndarray:
    accessor = scene["accessors"][number]
    view = scene["bufferViews"][accessor["bufferView"]]
    columns = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
    kind = {5126: "<f4", 5123: "<u2"}[accessor["componentType"]]
    return np.frombuffer(data, kind, accessor["count"] * columns, view["byteOffset"]).reshape(-1, columns)


def matrices(scene: dict, data: bytes, key: int) -> list[np.ndarray]:
    """Where every node is at keyframe `key`; -1 for the rest pose. Rotations are made of the Rodrigues formula."""
    moved: dict[tuple[int, str], np.ndarray] = {}
    if key >= 0:
        animation = scene["animations"][0]
        for channel in animation["channels"]:
            output = animation["samplers"][channel["sampler"]]["output"]
            moved[channel["target"]["node"], channel["target"]["path"]] = values(scene, data, output)[key]

    def local(number: int) -> np.ndarray:
        node = scene["nodes"][number]
        x, y, z, w = moved.get((number, "rotation"), node.get("rotation", (0, 0, 0, 1)))
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)
        made = np.eye(4)
        made[:3, :3] = (np.eye(3) + 2 * w * cross + 2 * cross @ cross) * node.get("scale", (1, 1, 1))
        made[:3, 3] = moved.get((number, "translation"), node.get("translation", (0, 0, 0)))
        return made

    found = [np.eye(4)] * len(scene["nodes"])

    def walk(number: int, above: np.ndarray) -> None:
        found[number] = above @ local(number)
        for child in scene["nodes"][number].get("children", ()):
            walk(child, found[number])

    for number in scene["scenes"][0]["nodes"]:
        walk(number, np.eye(4))
    return found


def move(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def assert_moves_as_before(tmp_path, scene: dict, data: bytes, key: int) -> None:
    """Every vertex of the skinned file is where the file itself puts it, at a keyframe or (-1) at rest."""
    write_glb(tmp_path / "a.glb", scene, data)
    with_skin(tmp_path / "a.glb", tmp_path / "b.glb")
    skinned, more = read_glb(tmp_path / "b.glb")
    before = [
        move(matrix, TRIANGLE) for matrix, node in zip(matrices(scene, data, key), scene["nodes"]) if "mesh" in node
    ]
    skin, placed = skinned["skins"][0], matrices(skinned, more, key)
    inverse = values(skinned, more, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    after = []
    for node in skinned["nodes"]:
        if "skin" in node:
            given = skinned["meshes"][node["mesh"]]["primitives"][0]["attributes"]
            joint = int(values(skinned, more, given["JOINTS_0"])[0, 0])
            assert (values(skinned, more, given["WEIGHTS_0"]) == (1, 0, 0, 0)).all()
            points = values(skinned, more, given["POSITION"])
            after.append(move(placed[skin["joints"][joint]] @ inverse[joint], points))
    assert np.allclose(before, after, atol=1e-5)
    assert not any("scale" in node for node in skinned["nodes"])


class TestWithSkin:
    @pytest.mark.parametrize("key", [-1, 0, 1])
    def test_every_vertex_is_where_the_file_puts_it(self, tmp_path, key):
        assert_moves_as_before(tmp_path, *scene_of_pieces(), key)

    def test_the_plan_sees_a_character_with_a_bone_for_every_node(self, tmp_path):
        scene, data = scene_of_pieces()
        write_glb(tmp_path / "a.glb", scene, data)
        contents = read_gltf(tmp_path / "a.glb")
        assert contents.skinned and contents.actions == ("walk",)
        assert contents.bones == ("root", "torso", "head", "arm-left", "arm-right")
        with_skin(tmp_path / "a.glb", tmp_path / "b.glb")
        assert read_gltf(tmp_path / "b.glb") == contents

    def test_a_scene_with_few_moving_pieces_or_a_skin_is_none(self):
        scene, _ = scene_of_pieces()
        assert is_rigid(scene) and not is_rigid({**scene, "skins": [{}]})
        door = {**scene, "animations": [{**scene["animations"][0], "channels": scene["animations"][0]["channels"][:2]}]}
        assert not is_rigid(door) and not is_rigid({"nodes": []})

    def test_compressed_meshes_are_refused_in_one_line(self, tmp_path):
        scene, data = scene_of_pieces()
        compressed = {"extensions": {"KHR_draco_mesh_compression": {"bufferView": 0}}, "attributes": {"POSITION": 0}}
        scene["meshes"] = [{"primitives": [compressed]}] * 3
        write_glb(tmp_path / "a.glb", scene, data)
        with pytest.raises(NotRigid, match="compressed"):
            with_skin(tmp_path / "a.glb", tmp_path / "b.glb")
        assert not (tmp_path / "b.glb").exists()

    def test_a_mirrored_piece_moves_as_before_and_one_with_others_on_it_is_refused(self, tmp_path):
        scene, data = scene_of_pieces()
        scene["nodes"][3]["scale"] = [-1, 1, 1]
        assert_moves_as_before(tmp_path, scene, data, 1)
        scene["nodes"][1]["scale"] = [0.5, 0.5, -0.5]
        write_glb(tmp_path / "a.glb", scene, data)
        with pytest.raises(NotRigid, match="mirrored"):
            with_skin(tmp_path / "a.glb", tmp_path / "c.glb")
        assert not (tmp_path / "c.glb").exists()

    def test_pictures_beside_the_file_are_put_inside(self, tmp_path):
        scene, data = scene_of_pieces()
        scene["images"] = [{"uri": "a%20b.png"}]
        write_glb(tmp_path / "a.glb", scene, data)
        with pytest.raises(NotRigid, match="needs a b.png beside it"):
            with_skin(tmp_path / "a.glb", tmp_path / "b.glb")
        (tmp_path / "a b.png").write_bytes(b"picture")
        with_skin(tmp_path / "a.glb", tmp_path / "b.glb")
        assert read_glb(tmp_path / "b.glb")[0]["images"] == [{"uri": "data:image/png;base64,cGljdHVyZQ=="}]
