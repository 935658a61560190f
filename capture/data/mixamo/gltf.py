"""Reading the contents of a glTF file without Blender: bones, animations, whether there is a skinned mesh."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from capture.data.mixamo.contents import Broken, Contents, lasts
from capture.data.mixamo.in_blender.rigid import is_rigid, moved_nodes

_MAGIC, _JSON_CHUNK = b"glTF", b"JSON"


def read_gltf(path: Path) -> Contents:
    """Names in a .gltf or .glb file; the first bytes say which of the two it is.

    Raises:
        Broken: cut short, not glTF, or a file that it needs is missing.
    """
    scene = _scene(path)
    try:
        nodes = scene.get("nodes", [])
        names = [node.get("name", f"Node_{i}") for i, node in enumerate(nodes)]
        rigid = is_rigid(scene)  # Blender's side then makes every node a bone
        joints = set(range(len(nodes))) if rigid else {j for skin in scene.get("skins", []) for j in skin["joints"]}
        moved = moved_nodes(scene)
        skinned = rigid or any("skin" in node and "mesh" in node for node in nodes)
        actions = tuple(
            animation.get("name", f"Animation_{i}")
            for i, animation in enumerate(scene.get("animations", []))
            if lasts(_seconds(scene, animation))
        )
        return Contents(tuple(names[i] for i in sorted(joints or moved)), actions, skinned)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Broken(f"not valid glTF ({type(error).__name__}: {error})") from None


def _seconds(scene: dict[str, Any], animation: dict[str, Any]) -> float:
    inputs = [scene["accessors"][sampler["input"]] for sampler in animation["samplers"]]
    return max((a["max"][0] - a.get("min", [0.0])[0] for a in inputs), default=0.0)


def _scene(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    text, binary = data, data[:4] == _MAGIC
    if binary:
        if len(data) < 20 or (size := struct.unpack_from("<I", data, 8)[0]) > len(data):
            length = f"{len(data)} of {size} bytes" if len(data) >= 20 else f"{len(data)} bytes"
            raise Broken(f"cut short ({length}); copy it again")
        length, kind = struct.unpack_from("<I4s", data, 12)
        if kind != _JSON_CHUNK:
            raise Broken("not valid glTF (its first part is not JSON)")
        text = data[20 : 20 + length]
    try:
        scene = json.loads(text)
    except (ValueError, RecursionError):
        raise Broken("not glTF: neither its binary form nor JSON, or cut short") from None
    if not isinstance(scene, dict) or "asset" not in scene:
        raise Broken("JSON, but not glTF")
    for buffer in scene.get("buffers", []):
        uri = buffer.get("uri", "")
        if uri and not uri.startswith("data:") and not (path.parent / unquote(uri)).is_file():
            raise Broken(f"needs {unquote(uri)} beside it, which is missing")
    return scene
