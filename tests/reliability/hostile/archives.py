"""Checkpoints and safetensors that keep their containers' rules and lie within them."""

from __future__ import annotations

import functools
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from typing import Any

import torch
from hypothesis import strategies as st

from tests.reliability.hostile.damage import damaged
from tests.reliability.hostile.originals import torch_bytes
from tests.reliability.hostile.values import json_bombs, scalars, wild

BOMB = 512 << 20  # bytes that a deflated record grows to
COMMAND = "touch PWNED"


class Runs:
    """A pickle of it calls something when it is loaded without care."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


def _by_name(module: str, name: str, argument: str) -> bytes:
    """GLOBAL module.name, REDUCE with one text."""
    return b"\x80\x02c%b\n%b\n(V%b\ntR." % (module.encode(), name.encode(), argument.encode())


def evil_pickles() -> tuple[bytes, ...]:
    """Pickles that run code, or never end."""
    import os
    import subprocess

    doubling = b"\x80\x02]q\x00" + b"(h\x00h\x00lq\x00" * 60 + b"."
    tuples = b"\x80\x02)" + b"2\x86" * 80 + b"."
    return (
        pickle.dumps(Runs(os.system, COMMAND)),
        pickle.dumps(Runs(subprocess.Popen, ["touch", "PWNED"])),
        pickle.dumps(Runs(eval, "open('PWNED', 'w')")),
        pickle.dumps(Runs(exec, "open('PWNED', 'w')"), protocol=0),
        pickle.dumps({"gen_state_dict": {}, "x": Runs(os.system, COMMAND)}, protocol=2),
        pickle.dumps(OrderedDict(gen_state_dict=OrderedDict(a=Runs(os.mkdir, "PWNED")))),
        _by_name("posix", "system", COMMAND),
        _by_name("torch", "load", "PWNED"),
        _by_name("torch.hub", "load", "PWNED"),
        _by_name("torch.serialization", "load", "PWNED"),
        _by_name("numpy", "load", "PWNED"),
        _by_name("builtins", "__import__", "this"),
        _by_name("builtins", "open", "PWNED"),
        _by_name("webbrowser", "open", "http://127.0.0.1:9"),
        _by_name("torch", "ByteStorage.from_file", "PWNED"),
        _by_name("torch._utils", "_rebuild_tensor_v2", "x"),
        _by_name("collections", "OrderedDict", "x"),
        _by_name("torch", "Size", "x"),
        _by_name("torch", "device", "cuda:99"),
        b"\x80\x02cos\nsystem\n\x81.",
        b"(S'touch PWNED'\nios\nsystem\n.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch PWNED\x85R.",
        b"\x80\x02}(X\x01\x00\x00\x00aX\x01\x00\x00\x00bu}bcos\nsystem\n.",
        doubling,
        tuples,
        b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b".",
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02r\xff\xff\xff\x7f.",
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"\x80\x02\x8b\x00\x10\x00\x00" + b"\xff" * 4096 + b".",
        b"\x80\xff.",
        b".",
        b"",
        b"\x80\x02(K\x01K\x02K\x03Q.",
        b"\x80\x02X\x01\x00\x00\x00xQ.",
        b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ\xff\xff\xff\x7ftQ.",
    )


@st.composite
def repacked(draw: st.DrawFn, data: bytes) -> bytes:
    """A torch zip with records damaged, deflated, swollen, doubled, renamed, or replaced by a pickle that runs code."""
    records = _records(data)
    stored = []
    target = draw(st.sampled_from(("data.pkl", "data.pkl", "data/0", "byteorder", "version", ".format_version")))
    way = draw(st.sampled_from(("pickle", "damage", "damage", "deflate", "bomb", "twice", "rename", "drop", "empty")))
    for name, content in records:
        short = name.split("/", 1)[1]
        mode = zipfile.ZIP_STORED
        if short == target:
            if way == "pickle":
                content = draw(st.sampled_from(evil_pickles()))
            elif way == "damage":
                content = draw(damaged(content, [c for _, c in records]))
            elif way == "deflate":
                mode = zipfile.ZIP_DEFLATED
            elif way == "bomb":
                content, mode = b"", None
            elif way == "twice":
                stored.append((name, b"first", zipfile.ZIP_STORED))
            elif way == "rename":
                name = draw(
                    st.sampled_from(("../escaped", "/escaped", "a/../../data.pkl", "x", name.upper(), "a/" * 500))
                )
            elif way == "drop":
                continue
            else:
                content = b""
        stored.append((name, content, mode))
    return _packed(stored)


def _records(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def _packed(records: list[tuple[str, bytes, int | None]]) -> bytes:
    """A zip of records; None for how is a record of zeros that grows to BOMB bytes."""
    import warnings

    if any(mode is None for _, _, mode in records):
        return _swollen(records)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as file:
        warnings.simplefilter("ignore")  # names that come twice
        for name, content, mode in records:
            file.writestr(name, content, mode)
    return buffer.getvalue()


@functools.cache
def _zeros() -> tuple[bytes, int]:
    """BOMB zeros, deflated, and their checksum."""
    squeeze, crc, piece = zlib.compressobj(6, zlib.DEFLATED, -15), 0, b"\0" * (1 << 22)
    # after a full flush the same piece is deflated to the same bytes
    deflated = squeeze.compress(piece) + squeeze.flush(zlib.Z_FULL_FLUSH)
    for _ in range(BOMB // len(piece)):
        crc = zlib.crc32(piece, crc)
    return deflated * (BOMB // len(piece)) + squeeze.flush(), crc


def _swollen(records: list[tuple[str, bytes, int | None]]) -> bytes:
    """The same with the record deflated to a thousandth of its size."""
    zeros, crc = _zeros()
    name = next(name for name, _, mode in records if mode is None)
    data = _packed(
        [(n, zeros if mode is None else content, mode or zipfile.ZIP_STORED) for n, content, mode in records]
    )
    out, was = bytearray(data), struct.pack("<III", zlib.crc32(zeros), len(zeros), len(zeros))
    for mark, fields in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        at = out.find(mark)
        while at >= 0:
            if out[at + fields : at + fields + 12] == was:
                struct.pack_into("<III", out, at + fields, crc, len(zeros), BOMB)
                struct.pack_into("<H", out, at + fields - 6, zipfile.ZIP_DEFLATED)
            at = out.find(mark, at + 4)
    assert name.encode() in out
    return bytes(out)


def zip_that_lies(data: bytes, claimed: int) -> bytes:
    """Every entry of the directory claims another size."""
    out, at = bytearray(data), 0
    while (at := out.find(b"PK\1\2", at)) >= 0:
        struct.pack_into("<II", out, at + 20, claimed, claimed)
        at += 4
    return bytes(out)


@st.composite
def odd_tensors(draw: st.DrawFn, tensor: torch.Tensor) -> Any:
    """What may stand where a tensor is expected."""
    way = draw(st.integers(0, 13))
    made = {
        0: lambda: tensor.flatten(),
        1: lambda: torch.full_like(tensor, float("nan")) if tensor.is_floating_point() else tensor,
        2: lambda: tensor.to(torch.complex64),
        3: lambda: tensor.bool(),
        4: lambda: tensor.to_sparse() if tensor.dim() else tensor,
        5: lambda: tensor.to("meta"),
        6: lambda: torch.zeros(1).expand(1 << 20, 1 << 18),
        7: lambda: torch.zeros(1).expand(tensor.shape) if tensor.dim() else tensor,
        8: lambda: tensor.double() * 1e300 if tensor.is_floating_point() else tensor,
        9: lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8),
        10: lambda: tensor.t() if tensor.dim() == 2 else tensor[None],
        11: lambda: tensor.to(torch.float8_e4m3fn) if tensor.is_floating_point() else tensor,
        12: lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        13: lambda: torch.empty(0),
    }
    return made[way]()


@st.composite
def odd_states(draw: st.DrawFn, state: dict) -> dict:
    """A checkpoint of which one to three entries, at any depth, aren't what they should be."""
    state = _copied(state)
    for _ in range(draw(st.integers(1, 3))):
        place = state
        while True:
            if not place:
                break
            key = draw(st.sampled_from(list(place)))
            value = place[key]
            if isinstance(value, dict) and value and draw(st.integers(0, 4)):
                place = value
                continue
            what = draw(st.integers(0, 5))
            if what == 0:
                del place[key]
            elif what == 1 and isinstance(key, str):
                place[draw(st.sampled_from((f"module.{key}", key[:-1], key + "\n", "../" + key)))] = value
            elif isinstance(value, torch.Tensor) and what != 2:
                place[key] = draw(odd_tensors(value))
            else:
                place[key] = draw(wild if what == 3 else scalars)
            break
    return state


def _copied(value: Any) -> Any:
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def odd_checkpoints(state: dict) -> st.SearchStrategy[bytes]:
    """The same as files, in both of torch's formats."""
    return st.tuples(odd_states(state), st.booleans()).map(lambda drawn: _saved(*drawn))


def _saved(state: dict, zipped: bool) -> bytes:
    try:
        return torch_bytes(state, zipped)
    except Exception:  # kinds of tensors that torch itself won't write
        return torch_bytes({"gen_state_dict": {"x": None}}, zipped)


@st.composite
def odd_safetensors(draw: st.DrawFn, data: bytes) -> bytes:
    """The header's length or what is in it: offsets, shapes, types, names, metadata."""
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    for _ in range(draw(st.integers(1, 2))):
        entry = header[draw(st.sampled_from(names))]
        if not isinstance(entry, dict):
            continue
        way = draw(st.integers(0, 8))
        if way == 0:
            entry["data_offsets"] = draw(
                st.sampled_from(([0, 2**63], [2**64 - 8, 2**64 - 4], [8, 4], [0, 4], [-1, 3], [0]))
            )
        elif way == 1:
            entry["shape"] = draw(st.sampled_from(([2**32, 2**32], [-1], [0], [2**63], [1.5], [], ["x"], [1] * 5000)))
        elif way == 2:
            entry["dtype"] = draw(
                st.sampled_from(("F64", "I8", "BOOL", "F8_E4M3", "U64", "C64", "F4", "OBJECT", "", None))
            )
        elif way == 3:
            header[draw(st.sampled_from(("../escaped", "", "x" * 5000, "module.x", "a\nb")))] = entry
        elif way == 4:
            meta = header["__metadata__"]
            meta[draw(st.sampled_from(tuple(meta)))] = draw(st.sampled_from((*json_bombs("generator_config"), 3, None)))
        elif way == 5:
            meta = header["__metadata__"]
            try:
                config = json.loads(meta["config"])
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            place = config[draw(st.sampled_from(tuple(config)))] if isinstance(config, dict) and config else {}
            if isinstance(place, dict) and place:
                key = draw(st.sampled_from(tuple(place)))
                inner = place[key]
                if isinstance(inner, dict) and inner and draw(st.booleans()):
                    inner[draw(st.sampled_from(tuple(inner)))] = draw(scalars | wild)
                else:
                    place[key] = draw(scalars | wild)
            meta["config"] = _json(config)
        elif way == 6:
            del header[draw(st.sampled_from(tuple(header)))]
            header.setdefault("__metadata__", {"config": "{}"})
            names = [name for name in header if name != "__metadata__"] or [""]
            header.setdefault("", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
        elif way == 7:
            header["__metadata__"] = draw(
                st.sampled_from(({}, {"format": "pt"}, [], None, {"format": "capture-generator"}))
            )
            break
        else:
            body = draw(damaged(body))
    text = _json(header).encode("utf-8", "replace")
    claimed = draw(st.sampled_from((None,) * 8 + (0, 1, 2**31, 100_000_001, 2**63, 2**64 - 1)))
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + body


def _json(value: Any) -> str:
    try:
        return json.dumps(value)
    except ValueError:  # an integer of more digits than Python prints
        return '{"config": 1}'
