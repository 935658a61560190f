"""Characters made of rigid pieces, such as blocky ones: glTF files without a skin, whose animations move nodes.

`with_skin` writes such a file again with a skeleton: every node becomes a bone, and every piece follows its node's bone
alone. All that comes after, in Blender and in the plan, then sees a character like any other. It uses numpy and
nothing of Blender.
"""

from __future__ import annotations

import base64
import copy
import json
import mimetypes
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np

PIECES = 3  # so many animated nodes at least make a character; fewer are a door or a coin
_FLOAT, _USHORT = 5126, 5123
_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}


class NotRigid(Exception):
    """A file can't be given a skin. The message says why in one line."""


def is_rigid(scene: dict) -> bool:
    """Whether a glTF scene is a character of rigid pieces: no skin, and animations that move nodes with meshes."""
    nodes = scene.get("nodes", [])
    if scene.get("skins") or sum("mesh" in node for node in nodes) < PIECES:
        return False
    return len(moved_nodes(scene)) >= PIECES


def is_rigid_file(path: Path) -> bool:
    """The same of a file that `read_gltf` has found to be valid."""
    return is_rigid(_scene(path)[0])


def moved_nodes(scene: dict) -> set[int]:
    """The numbers of the nodes that an animation moves."""
    channels = [channel for animation in scene.get("animations", []) for channel in animation["channels"]]
    return {c["target"]["node"] for c in channels if "node" in c["target"] and c["target"].get("path") != "weights"}


def with_skin(path: Path, out: Path) -> None:
    """Write a .glb file with one bone for every node, and every piece on its node's bone.

    Raises:
        NotRigid: meshes in a form that is not supported (compressed or sparse), or parts of the file are missing.
    """
    scene, buffers = _read(path)
    try:
        skinned, data = _skinned(scene, buffers)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise NotRigid(f"not valid glTF ({type(error).__name__}: {error})") from None
    text = json.dumps(skinned).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    parts = (struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data)), struct.pack("<I4s", len(text), b"JSON"))
    out.write_bytes(b"".join((*parts, text, struct.pack("<I4s", len(data), b"BIN\0"), data)))


def _scene(path: Path) -> tuple[dict, bytes]:
    """The scene of a .glb or .gltf file, and the buffer inside a .glb file."""
    data = path.read_bytes()
    if data[:4] != b"glTF":
        return json.loads(data), b""
    length = struct.unpack_from("<I", data, 12)[0]
    scene, rest = json.loads(data[20 : 20 + length]), data[20 + length :]
    return scene, rest[8 : 8 + struct.unpack_from("<I", rest)[0]] if len(rest) >= 8 else b""


def _read(path: Path) -> tuple[dict, list[bytes]]:
    """The scene of a file, with its pictures inside, and the bytes of its buffers."""
    scene, body = _scene(path)
    buffers = [_resource(path, buffer["uri"]) if "uri" in buffer else body for buffer in scene.get("buffers", [])]
    for image in scene.get("images", []):
        uri = image.get("uri", "")
        if uri and not uri.startswith("data:"):
            kind = mimetypes.guess_type(uri)[0] or "image/png"
            image["uri"] = f"data:{kind};base64," + base64.b64encode(_resource(path, uri)).decode()
    return scene, buffers


def _resource(path: Path, uri: str) -> bytes:
    """What an address in the file stands for: its own base64, or a file beside it."""
    if uri.startswith("data:"):
        return base64.b64decode(uri.split(",", 1)[1])
    try:
        return (path.parent / unquote(uri)).read_bytes()
    except OSError as error:
        raise NotRigid(f"needs {unquote(uri)} beside it, which can't be read ({error.strerror})") from None


def _skinned(scene: dict, buffers: list[bytes]) -> tuple[dict, bytes]:
    """The scene with a skin, and its only buffer."""
    made = copy.deepcopy(scene)
    starts = np.cumsum([0, *(len(buffer) + -len(buffer) % 4 for buffer in buffers)]).tolist()
    data = bytearray(b"".join(buffer + b"\0" * (-len(buffer) % 4) for buffer in buffers))
    for view in made["bufferViews"]:
        view["byteOffset"] = view.get("byteOffset", 0) + starts[view["buffer"]]
        view["buffer"] = 0

    def add(values: np.ndarray, kind: int, form: str) -> int:
        made["bufferViews"].append({"buffer": 0, "byteOffset": len(data), "byteLength": values.nbytes})
        accessor = {"bufferView": len(made["bufferViews"]) - 1, "componentType": kind, "count": len(values)}
        if form == "VEC3":
            accessor |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        data.extend(values.tobytes() + b"\0" * (-values.nbytes % 4))
        made["accessors"].append(accessor | {"type": form})
        return len(made["accessors"]) - 1

    nodes = made["nodes"]
    rest = _rest(nodes)
    above = _unscale(nodes)
    _unscale_animations(made, above, lambda number: _values(scene, buffers, number), add)
    pieces = []
    for number in range(len(nodes)):
        if "mesh" not in nodes[number]:
            continue
        mesh = copy.deepcopy(made["meshes"][nodes[number].pop("mesh")])
        mesh.pop("weights", None)
        for primitive in mesh["primitives"]:
            if primitive.pop("extensions", {}).get("KHR_draco_mesh_compression"):
                raise NotRigid("its meshes are compressed (Draco); export it without compression")
            given = primitive["attributes"]
            kept = {name: given[name] for name in given if name.startswith(("TEXCOORD_", "COLOR_"))}
            points = _values(scene, buffers, given["POSITION"]) @ rest[number][:3, :3].T + rest[number][:3, 3]
            kept["POSITION"] = add(points.astype("<f4"), _FLOAT, "VEC3")
            if "NORMAL" in given:
                normals = _values(scene, buffers, given["NORMAL"]) @ np.linalg.inv(rest[number][:3, :3])
                normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
                kept["NORMAL"] = add(normals.astype("<f4"), _FLOAT, "VEC3")
            joints = np.zeros((len(points), 4), "<u2")
            joints[:, 0] = number
            kept["JOINTS_0"] = add(joints, _USHORT, "VEC4")
            weights = np.zeros((len(points), 4), "<f4")
            weights[:, 0] = 1
            kept["WEIGHTS_0"] = add(weights, _FLOAT, "VEC4")
            primitive["attributes"] = kept
            primitive.pop("targets", None)
        pieces.append(mesh)
    # column by column, and without scale, which a bone at rest cannot have
    inverse = np.stack([np.linalg.inv(matrix).T for matrix in _rest(nodes)]).astype("<f4")
    made["skins"] = [
        {"joints": list(range(len(nodes))), "inverseBindMatrices": add(inverse.reshape(-1, 16), _FLOAT, "MAT4")}
    ]
    made["meshes"] = pieces
    roots = made["scenes"][made.get("scene", 0)]["nodes"]
    for k, mesh in enumerate(pieces):
        nodes.append({"name": f"{mesh.get('name', 'piece')}_{k}", "mesh": k, "skin": 0})
        roots.append(len(nodes) - 1)
    made["buffers"] = [{"byteLength": len(data)}]
    return made, bytes(data)


def _unscale(nodes: list[dict]) -> list[float]:
    """Take the scale out of all nodes, whose pieces then carry it; the scale above each node, one number.

    Raises:
        NotRigid: a node with others on it has a scale that is uneven, or that mirrors.
    """
    above = [1.0] * len(nodes)
    roots = set(range(len(nodes))) - {child for node in nodes for child in node.get("children", ())}
    waiting = sorted(roots)
    while waiting:
        number = waiting.pop()
        node = nodes[number]
        local = _local(node)
        sizes = np.linalg.norm(local[:3, :3], axis=0)
        mirrors = np.linalg.det(local[:3, :3]) < 0
        if node.get("children") and (mirrors or sizes.max() > 1.001 * sizes.min()):
            raise NotRigid(
                "a piece with others on it is stretched unevenly or mirrored; apply its scale and export again"
            )
        if "matrix" in node:  # such nodes have no animation, so that any rotation will do for a mirrored one
            node["rotation"] = _quaternion(local[:3, :3] / sizes * (-1 if mirrors else 1))
        node.pop("matrix", None)
        node.pop("scale", None)
        node["translation"] = (local[:3, 3] * above[number]).tolist()
        for child in node.get("children", ()):
            above[child] = above[number] * float(sizes[0])
            waiting.append(child)
    return above


def _unscale_animations(made: dict, above: list[float], values: Callable, add: Callable) -> None:
    """Make the animations of `made` fit nodes without scale."""
    for animation in made.get("animations", []):
        kept = []
        for channel in animation["channels"]:
            target = channel["target"]
            if target.get("path") == "scale":
                continue
            scale = above[target["node"]] if "node" in target else 1.0
            if target.get("path") == "translation" and abs(scale - 1) > 1e-6:
                sampler = dict(animation["samplers"][channel["sampler"]])
                moved = values(sampler["output"]) * scale
                sampler["output"] = add(moved.astype("<f4"), _FLOAT, "VEC3")
                animation["samplers"].append(sampler)
                channel = {**channel, "sampler": len(animation["samplers"]) - 1}
            kept.append(channel)
        animation["channels"] = kept


def _quaternion(turn: np.ndarray) -> list[float]:
    """x, y, z, w of a rotation matrix (Shepperd's method)."""
    xx, yy, zz = np.diag(turn)
    squares = np.array([1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz])
    largest = int(squares.argmax())
    x, y, z = turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]
    a, b, c = turn[0, 1] + turn[1, 0], turn[0, 2] + turn[2, 0], turn[1, 2] + turn[2, 1]
    found = np.array(((squares[0], a, b, x), (a, squares[1], c, y), (b, c, squares[2], z), (x, y, z, squares[3])))
    quaternion: list[float] = (found[largest] / np.linalg.norm(found[largest])).tolist()
    return quaternion


def _rest(nodes: list[dict]) -> list[np.ndarray]:
    """Where every node is without animations: 4x4 matrices in the space of the scene."""
    parents = {child: number for number, node in enumerate(nodes) for child in node.get("children", ())}
    found: dict[int, np.ndarray] = {}

    def place(number: int) -> np.ndarray:
        if number not in found:
            own = _local(nodes[number])
            found[number] = place(parents[number]) @ own if number in parents else own
        return found[number]

    return [place(number) for number in range(len(nodes))]


def _local(node: dict) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = node.get("rotation") or (0, 0, 0, 1)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.array(node.get("scale") or (1, 1, 1))
    matrix[:3, 3] = node.get("translation") or (0, 0, 0)
    return matrix


def _values(scene: dict, buffers: list[bytes], number: int) -> np.ndarray:
    """The numbers of an accessor of three columns, float64 (N, 3)."""
    accessor = scene["accessors"][number]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise NotRigid("its meshes are stored in a form that is not supported (sparse)")
    view, kind = scene["bufferViews"][accessor["bufferView"]], np.dtype(_TYPES[accessor["componentType"]])
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    step = view.get("byteStride", 3 * kind.itemsize)
    values = np.ndarray((accessor["count"], 3), kind, buffers[view["buffer"]], start, (step, kind.itemsize)).astype(
        float
    )
    return values / np.iinfo(kind).max if accessor.get("normalized") else values
