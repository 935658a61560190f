"""Endless animated WebPs, lossless, transparency too, times in milliseconds (WebP Container Specification)."""

from __future__ import annotations

import io
import struct
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import numpy as np

from capture.common.errors import CaptureError
from capture.inference.formats.base import Timeline, Write, as_image, changed_box, cropped, file_of_frames

LONGEST = 2**24 - 1  # ms
LARGEST = 16_383  # pixels of a side
_ANIMATED, _ALPHA = 0x02, 0x10  # in the file's header
_REPLACE = 0x02  # a frame replaces what is in its box, and stays
_EFFORT = 2  # of 0 (fast) to 6 (small)


def webp_file(path: Path, timeline: Timeline) -> AbstractContextManager[Write]:
    """An animated WebP, there when it is whole; each frame after the first stores the box that has changed."""
    durations = [min(duration, LONGEST) for duration in timeline.durations(1000)]

    def write_frame(file: IO[bytes], picture: np.ndarray, before: np.ndarray | None, number: int) -> None:
        if number == 0:
            height, width, channels = picture.shape
            check_size(path, width, height)
            flags = _ANIMATED | (_ALPHA if channels == 4 else 0)
            size = _u24(width - 1) + _u24(height - 1)
            file.write(b"RIFF\0\0\0\0WEBP" + _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size))
            file.write(_chunk(b"ANIM", struct.pack("<IH", 0, 0)))  # a transparent ground, for ever
        left, top, right, bottom = changed_box(picture, before)
        left, top = left - left % 2, top - top % 2  # places are stored halved
        box = left, top, right, bottom
        place = _u24(left // 2) + _u24(top // 2) + _u24(right - left - 1) + _u24(bottom - top - 1)
        control = place + _u24(durations[number]) + bytes([_REPLACE])
        file.write(_chunk(b"ANMF", control + _image_chunks(cropped(picture, box))))

    return file_of_frames(path, write_frame, _store_length)


def _store_length(file: IO[bytes]) -> None:
    """Write the file's length into its header, which comes before the frames."""
    length = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", length - 8))
    file.seek(length)


def check_size(path: Path, width: int, height: int) -> None:
    """CaptureError where a picture is larger than WebP can hold."""
    if max(width, height) > LARGEST:
        raise CaptureError(f"{path}: {width}x{height} is more than WebP's {LARGEST} pixels of a side; use --format png")


def webp_bytes(picture: np.ndarray) -> bytes:
    """A single picture, lossless."""
    buffer = io.BytesIO()
    as_image(picture).save(buffer, "WEBP", lossless=True, method=_EFFORT)
    return buffer.getvalue()


def _image_chunks(picture: np.ndarray) -> bytes:
    """What is inside the file of a single picture, without metadata."""
    data, at, kept = webp_bytes(picture), 12, b""
    while at < len(data):
        kind, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        end = at + 8 + length + length % 2
        if kind in (b"ALPH", b"VP8 ", b"VP8L"):
            kept += data[at:end]
        at = end
    return kept


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _u24(value: int) -> bytes:
    return value.to_bytes(3, "little")
