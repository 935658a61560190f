"""Reading the contents of an FBX file without Blender: bones, animations, whether there is a skinned mesh.

Binary FBX is a tree of records: the offset where each ends, its values, its children. Only the records that name
things are looked at, so geometry costs nothing.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from capture.data.mixamo.contents import Broken, Contents, lasts

_MAGIC = b"Kaydara FBX Binary  \x00"
_OLDEST = 7000
_TICKS = 46186158000  # ticks of FBX's clock in a second
_NUMBERS = {b"Y": "<h", b"C": "<?", b"I": "<i", b"F": "<f", b"D": "<d", b"L": "<q"}
_BONES = ("LimbNode", "Limb", "Root")
_TEXT = {
    "models": re.compile(r'^\s*Model:\s*-?\d+,\s*"(?:Model::)?([^"]*)",\s*"(\w*)"', re.M),
    "skins": re.compile(r'^\s*Deformer:\s*-?\d+,\s*"[^"]*",\s*"Skin"', re.M),
    "stacks": re.compile(
        r'^\s*AnimationStack:\s*-?\d+,\s*"(?:AnimStack::)?([^"]*)",\s*"[^"]*"\s*{(.*?)^\t}', re.M | re.S
    ),
    "stop": re.compile(r'P:\s*"(LocalStart|LocalStop)",\s*"KTime",[^\n]*?(-?\d+)\s*$', re.M),
    "version": re.compile(r"FBXVersion:\s*(\d+)"),
}


def read_fbx(path: Path) -> Contents:
    """Names in an .fbx file, binary or text.

    Raises:
        Broken: cut short, not FBX, or older than FBX 7.
    """
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        return _read_text(data)
    try:
        version = struct.unpack_from("<I", data, 23)[0]
        _check_version(version)
        found = list(_objects(data, version))
    except (struct.error, IndexError, UnicodeDecodeError):
        raise Broken(f"cut short or damaged ({len(data)} bytes); copy it again") from None
    models = [(name, kind) for record, name, kind, _ in found if record == "Model"]
    actions = [(name, span) for record, name, _, span in found if record == "AnimationStack"]
    skinned = any(record == "Deformer" and kind == "Skin" for record, _, kind, _ in found)
    return _contents(models, actions, skinned)


def _contents(models: list[tuple[str, str]], actions: list[tuple[str, dict[str, int]]], skinned: bool) -> Contents:
    bones = tuple(name for name, kind in models if kind in _BONES)
    # a stack without times counts as an animation; Blender will find out whether it is one
    long = tuple(
        name
        for name, span in actions
        if "LocalStop" not in span or lasts((span["LocalStop"] - span.get("LocalStart", 0)) / _TICKS)
    )
    return Contents(bones, long, skinned)


def _check_version(version: int) -> None:
    if version < _OLDEST:
        raise Broken(f"FBX version {version / 1000:g}; export it as FBX 7 (2011 or newer)")


def _read_text(data: bytes) -> Contents:
    text = data.decode("utf-8", "replace")
    version = _TEXT["version"].search(text)
    if not version:
        raise Broken("not FBX: neither its binary nor its text form" if data else "an empty file; copy it again")
    _check_version(int(version[1]))
    actions = [
        (name, {key: int(value) for key, value in _TEXT["stop"].findall(body)})
        for name, body in _TEXT["stacks"].findall(text)
    ]
    return _contents(_TEXT["models"].findall(text), actions, bool(_TEXT["skins"].search(text)))


def _objects(data: bytes, version: int) -> Iterator[tuple[str, str, str, dict[str, int]]]:
    """(record, name, kind, times) of every Model, AnimationStack and Deformer."""
    wide = version >= 7500
    for record, _, inside, end in _records(data, 27, len(data), wide):
        if record != "Objects":
            continue
        for record, first, children, stop in _records(data, inside, end, wide):
            if record in ("Model", "AnimationStack", "Deformer"):
                name, kind = (str(value) for value in _values(data, first, children)[1:3])
                times = dict(_times(data, children, stop, wide)) if record == "AnimationStack" else {}
                yield record, name.split("\x00")[0], kind, times


def _times(data: bytes, at: int, end: int, wide: bool) -> Iterator[tuple[str, int]]:
    for record, _, inside, stop in _records(data, at, end, wide):
        if record == "Properties70":
            for _, first, children, _ in _records(data, inside, stop, wide):
                values = _values(data, first, children)
                if values and values[0] in ("LocalStart", "LocalStop"):
                    yield str(values[0]), int(str(values[-1]))


def _records(data: bytes, at: int, end: int, wide: bool) -> Iterator[tuple[str, int, int, int]]:
    """(name, where its values start, where its children start, where it ends) of the records in data[at:end]."""
    head, size = ("<QQQB", 25) if wide else ("<IIIB", 13)
    while at + size <= end:
        stop, _, length, name_length = struct.unpack_from(head, data, at)
        if stop == 0:
            return
        if stop > len(data) or stop <= at:
            raise struct.error("a record ends outside of the file")
        values = at + size + name_length
        yield data[at + size : values].decode(), values, values + length, stop
        at = stop
    if end == len(data):
        raise struct.error("the list of records has no end")


def _values(data: bytes, at: int, end: int) -> list[object]:
    """Texts and numbers stored from `at` up to `end`; arrays and what follows them are not read."""
    found: list[object] = []
    while at < end:
        kind = data[at : at + 1]
        at += 1
        if kind in (b"S", b"R"):
            (length,) = struct.unpack_from("<I", data, at)
            found.append(data[at + 4 : at + 4 + length].decode("utf-8", "replace"))
            at += 4 + length
        elif kind in _NUMBERS:
            found.append(struct.unpack_from(_NUMBERS[kind], data, at)[0])
            at += struct.calcsize(_NUMBERS[kind])
        else:
            break
    return found
