"""The file of prepared frames: all frames of a split at the training size, mapped into memory by every process.

<side folder>/frames_<size>/frames.bin holds the frames, uint8 (N, S, S, 3), in the memory layout of channels_last
batches. For each frame it also holds a key, made from the name, size and time of change of the frame's file, and a
CRC-32 of its pixels, which is 0 while the frame is missing. The file is built as `frames.building`, and renamed when it
is whole.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from capture.io.array_file import Damaged, open_arrays

WHAT = "prepared frames, version 1"
WHOLE, BUILDING, OLD = "frames.bin", "frames.building", "frames.old"


class PreparedFrames:
    """All frames of a split at the training size: `array` is uint8 (N, S, S, 3), read-only, shared by all processes."""

    def __init__(self, path: Path):
        self.path = path
        self.array = open_frames(path)["frames"]

    def __reduce__(self) -> tuple:
        return PreparedFrames, (self.path,)


def holds(path: Path, keys: np.ndarray, size: int) -> bool:
    """Whether the file exists and holds exactly the frames of these keys, at this size."""
    try:
        arrays = open_frames(path)
    except (OSError, Damaged):
        return False
    if arrays["frames"].shape[1:3] != (size, size):
        return False
    return np.array_equal(arrays["keys"], keys)


def open_frames(path: Path, writable: bool = False) -> dict[str, np.ndarray]:
    """The arrays `frames`, `keys` and `crcs` of a file of prepared frames.

    Raises:
        Damaged: it is no such file, or its arrays have other types or shapes.
        OSError: it is missing or unreadable.
    """
    if path.is_symlink() or path.parent.is_symlink():
        raise Damaged("a link")
    arrays = open_arrays(path, WHAT, writable)[1]
    try:
        frames, keys, crcs = arrays["frames"], arrays["keys"], arrays["crcs"]
    except KeyError:
        raise Damaged("not whole") from None
    if (frames.dtype, keys.dtype, crcs.dtype) != (np.uint8, np.uint64, np.uint32) or frames.ndim != 4:
        raise Damaged("of other numbers")
    if not (len(frames),) == keys.shape == crcs.shape or frames.shape[1] != frames.shape[2] or frames.shape[3] != 3:
        raise Damaged("of other shapes")
    return arrays


def frame_crc(frame: np.ndarray) -> int:
    """CRC-32 of a frame, never 0, which marks a missing frame."""
    return zlib.crc32(np.ascontiguousarray(frame).data) or 1
