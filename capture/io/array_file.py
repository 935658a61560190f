"""Numbers made from a dataset and kept for the next run: named arrays in one file, mapped into memory, never unpickled.

    magic, version, CRC-32 and length of the header | header: JSON | each array's raw bytes, from a multiple of 4096 on

They lie in <dataset>/.capture/, or below the user's cache folder where the dataset can't be written. Everything there
can be deleted at any time; it is made again. What a newer version of this program keeps there is left alone
(`kept_by_newer`): ours then lies beside it.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import math
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from capture.common.files import is_running, reserve, write_atomically

_START = struct.Struct("<8sIIQ")
_MAGIC, _VERSION = b"CaPTURe\n", 1
_ALIGNMENT = 4096
_LONGEST_HEADER = 1 << 20
SIDE_FOLDER = ".capture"

Spec = Mapping[str, tuple[str, tuple[int, ...]]]  # name -> (dtype such as "<i8", shape)


class Damaged(Exception):
    """Not a file of ours, of another version, or not whole."""


class Newer(Damaged):
    """Written by a newer version of this program, which still needs it."""


def side_folders(root: Path) -> list[Path]:
    """Where files about the dataset at `root` may lie, in the order to look."""
    resolved = root.resolve()
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capture"
    except RuntimeError:  # a user without a home, as in containers
        return [root / SIDE_FOLDER]
    digest = hashlib.blake2b(os.fsencode(resolved), digest_size=6).hexdigest()
    return [root / SIDE_FOLDER, cache / f"{resolved.name}-{digest}"]


def writable_side_folder(root: Path) -> Path | None:
    """The first of them that can be written (made if need be); None where none can."""
    for folder in side_folders(root):
        if folder.is_symlink():  # it came with the dataset, and may lead anywhere
            continue
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    return None


def kept_by_newer(path: Path, what: str) -> bool:
    """Whether a newer version of this program keeps its own file of this kind there."""
    try:
        with open(path, "rb") as file:
            _read_header(file, what)
    except Newer:
        return True
    except (OSError, Damaged):
        pass
    return False


def write_arrays(path: Path, what: str, about: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays with a checksum, whole or not at all.

    Args:
        what: the kind of file, "<kind>, version <number>".  about: plain JSON values.
    Raises:
        CaptureError: the disk is full or the folder can't be written.
    """
    sweep(path)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    crc = 0
    for array in arrays.values():
        crc = zlib.crc32(_raw(array), crc)
    spec = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    start, places, size = _layout(what, about, spec, crc)

    def write(file: BinaryIO) -> None:
        file.write(start)
        for name, array in arrays.items():
            file.seek(places[name])
            file.write(_raw(array))
        file.truncate(size)

    write_atomically(path, write)


def sweep(path: Path) -> None:
    """Remove what processes that were killed left of `path`, half-written."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        process = partial.name.removeprefix(f".{path.name}.").removesuffix(".partial")
        if not (process.isdecimal() and is_running(int(process))):  # else it may be at work
            with contextlib.suppress(OSError):
                partial.unlink()


def create_arrays(path: Path, what: str, about: dict[str, Any], spec: Spec) -> dict[str, np.ndarray]:
    """A file of zeros with all of its disk space taken, its arrays mapped for writing.

    Raises:
        OSError: no space, or the folder can't be written; nothing is left behind.
    """
    start, _, size = _layout(what, about, spec)
    try:
        path.unlink(missing_ok=True)
        with open(path, "xb") as file:  # never through a link that came with a dataset
            reserve(file, size)  # a full disk is an error now, not a SIGBUS later
            file.write(start)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return open_arrays(path, what, writable=True)[1]


def open_arrays(
    path: Path, what: str, writable: bool = False, check: bool = False
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(about, arrays) of a file, mapped into memory.

    Args:
        check: read all of it and compare the checksum (write_arrays' files only).
    Raises:
        Newer: of a later version of this kind.
        Damaged: not a file of this kind and version, or not as it was written.
        OSError: missing or unreadable.
    """
    with open(path, "rb") as file:
        header, base = _read_header(file, what)
        if os.fstat(file.fileno()).st_size < base + header["end"]:
            raise Damaged("cut off")
        if check and _checksum(file, header, base) != header["crc"]:
            raise Damaged("checksum differs")
    data = np.memmap(path, np.uint8, "r+" if writable else "r").view(np.ndarray)
    arrays = {}
    for name, (dtype, shape, at) in header["arrays"].items():
        count = math.prod(shape) * np.dtype(dtype).itemsize
        arrays[name] = data[base + at : base + at + count].view(dtype).reshape(shape)
    return header["about"], arrays


def _layout(what: str, about: dict[str, Any], spec: Spec, crc: int | None = None) -> tuple[bytes, dict[str, int], int]:
    """(the bytes before the arrays, where each array starts, the size of the file)."""
    table: dict[str, tuple[str, list[int], int]] = {}
    end = 0
    for name, (dtype, shape) in spec.items():
        at = _aligned(end)
        table[name] = (dtype, list(shape), at)
        end = at + math.prod(shape) * np.dtype(dtype).itemsize
    header = json.dumps({"what": what, "about": about, "arrays": table, "end": end, "crc": crc}).encode()
    start = _START.pack(_MAGIC, _VERSION, zlib.crc32(header), len(header)) + header
    base = _aligned(len(start))  # which positions in the header count from
    return start.ljust(base, b"\0"), {name: base + at for name, (_, _, at) in table.items()}, base + end


def _read_header(file: BinaryIO, what: str) -> tuple[dict[str, Any], int]:
    """(header, where the arrays begin)."""
    start = file.read(_START.size)
    if len(start) < _START.size:
        raise Damaged("cut off")
    magic, version, crc, length = _START.unpack(start)
    if magic == _MAGIC and version > _VERSION:
        raise Newer("written by a newer version of this program")
    if magic != _MAGIC or version != _VERSION:
        raise Damaged("of another version")
    text = file.read(length) if length <= _LONGEST_HEADER else b""
    if len(text) != length or zlib.crc32(text) != crc:
        raise Damaged("its header is broken")
    base = _aligned(_START.size + length)
    try:
        header = json.loads(text)
        written = header["what"]
        known = isinstance(written, str) and written == what
        newer = isinstance(written, str) and _kind(written)[0] == _kind(what)[0] and _kind(written)[1] > _kind(what)[1]
        good = known and _plausible(header)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Damaged("its header is broken") from None
    if newer:
        raise Newer(f"{written}: written by a newer version of this program")
    if not known:
        raise Damaged(f"not a file of {what}")
    if not good:
        raise Damaged("its header lies")
    return header, base


def _plausible(header: dict[str, Any]) -> bool:
    """Whether its arrays are numbers and lie within the file: a checksum keeps accidents out, and nobody else."""
    end = header["end"]
    if not isinstance(end, int) or end < 0 or not isinstance(header["about"], dict):
        return False
    for dtype, shape, at in header["arrays"].values():
        if not isinstance(dtype, str) or np.dtype(dtype).kind not in "iuf":
            return False
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
            return False
        if type(at) is not int or at < 0 or at % _ALIGNMENT or at + math.prod(shape) * np.dtype(dtype).itemsize > end:
            return False
    return True


def _kind(what: str) -> tuple[str, int]:
    """("index of frames", 1) of "index of frames, version 1"."""
    kind, _, number = what.rpartition(", version ")
    return (kind, int(number)) if number.isdecimal() else (what, 0)


def _checksum(file: BinaryIO, header: dict[str, Any], base: int) -> int:
    """CRC-32 of the arrays' bytes, read in pieces so that they don't stay in memory."""
    crc = 0
    for dtype, shape, at in header["arrays"].values():
        file.seek(base + at)
        left = math.prod(shape) * np.dtype(dtype).itemsize
        while left:
            piece = file.read(min(left, 1 << 22))
            crc = zlib.crc32(piece, crc)
            left -= len(piece)
    return crc


def _raw(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT) * _ALIGNMENT
