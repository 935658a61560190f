"""Whether a video file is shorter than its own headers say: a download or a copy that stopped half way."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from capture.common.errors import CaptureError

BOXES = {b"ftyp", b"styp", b"free", b"skip", b"wide", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"udta", b"meta"}
EBML, SEGMENT = 0x1A45DFA3, 0x18538067


def cut_off(path: Path) -> CaptureError:
    """What to tell people about such a file."""
    return CaptureError(f"{path}: cut off or damaged (its header promises more); copy or download it again")


def is_cut(path: Path) -> bool:
    """Whether the outermost boxes (.mp4, .mov) or elements (.mkv, .webm) reach past the end of the file.

    Other formats say nothing that can be relied on: their last packet comes damaged.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        if file.read(4) == EBML.to_bytes(4, "big"):
            return _past_end_ebml(file, size)
        return _past_end_boxes(file, size)


def _past_end_boxes(file: BinaryIO, size: int) -> bool:
    """ISO/IEC 14496-12, 4.2: boxes of a 32-bit size, a type, and for size 1 a 64-bit size; size 0 is to the end."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if head[4:8] not in BOXES or length == 0:
            return False
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:
            return False
        start += length
    return start > size


def _past_end_ebml(file: BinaryIO, size: int) -> bool:
    """RFC 8794: a header element, then one segment."""
    file.seek((_number(file) or 0) + file.tell())
    if file.read(4) != SEGMENT.to_bytes(4, "big"):
        return False
    length = _number(file)
    return length is not None and file.tell() + length > size


def _number(file: BinaryIO) -> int | None:
    """An element's size: the first byte's leading zero bits say how many bytes follow; all ones are "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    unknown = (1 << 7 * (more + 1)) - 1
    value = int.from_bytes(first + file.read(more), "big") & unknown
    return None if value == unknown else value
