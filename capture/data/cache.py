"""Prepared frames: every frame of a split is decoded to the training size once, and then read from one file.

The file (capture.data.cache_file) lies in a folder frames_<size>/ beside the dataset, or in ~/.cache/capture where the
dataset can't be written. A killed build goes on from what is there (capture.data.cache_build). After a change of the
dataset only the changed frames are decoded again, and the old file stays until the new one is whole. Files of a newer
version of this program are left alone: this version then uses frames_<size>.version1/. IUV maps (capture.data.iuv.maps)
are kept in the same way in maps_<size>/.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from capture.common.errors import CaptureError
from capture.common.file_lock import lock_file
from capture.data.cache_build import Pictures, build
from capture.data.cache_file import BUILDING, WHAT, WHOLE, PreparedFrames, holds
from capture.data.decoding import decode_picture
from capture.data.index.catalog import Catalog
from capture.data.index.index import VIDEO
from capture.io.array_file import kept_by_newer, side_folders, writable_side_folder

logger = logging.getLogger("capture")


def prepare_frames(catalog: Catalog, size: int, cache_gb: float, progress: bool = True) -> PreparedFrames | None:
    """Open the prepared frames of a split, after building them where there are none or they are out of date.

    Several processes may call this at once: one of them builds, and the others wait.

    Args:
        size: side S of the frames in pixels.
        cache_gb: the most that the frames may take (GB of 10^9 bytes).
        progress: show a progress bar while building.
    Returns:
        None where the frames would take more, or can't be written; a line in the log says so.
    Raises:
        CaptureError: frames are missing or broken; the message names a few.
    """
    pictures = Pictures("frames", functools.partial(frame_keys, catalog), catalog.frame, decode_picture)
    return prepare_pictures(catalog, size, cache_gb, pictures, progress)


def prepare_pictures(
    catalog: Catalog, size: int, cache_gb: float, pictures: Pictures, progress: bool = True
) -> PreparedFrames | None:
    """As prepare_frames, for any kind of pictures that the frames of a split have."""
    name = pictures.name
    bytes_needed = catalog.frames * size * size * 3
    if not cache_gb:
        return None
    if bytes_needed > cache_gb * 1e9:
        logger.info(
            f"note: {catalog.frames} {name} at {size}x{size} take {bytes_needed / 1e9:.1f} GB, more than "
            f"{pictures.limit} {cache_gb:g}: each is decoded whenever it is drawn"
        )
        return None
    keys = pictures.keys()
    for side in side_folders(catalog.root):  # a read-only dataset may come with prepared frames
        folder = _folder(side, name, size)
        if holds(folder / WHOLE, keys, size):
            return PreparedFrames(folder / WHOLE)
    writable = writable_side_folder(catalog.root)
    if writable is None:
        logger.info(f"note: no folder to keep prepared {name} in (neither in {catalog.root} nor in ~/.cache)")
        return None
    folder = _folder(writable, name, size)
    if folder.name != f"{name}_{size}":
        logger.info(f"note: {writable / f'{name}_{size}'} is a newer version's and left alone; using {folder}")
    if folder.is_symlink():
        logger.info(f"note: {folder}: a link, so no {name} are prepared there; remove it")
        return None
    try:
        folder.mkdir(exist_ok=True)
        with _locked(folder / "lock"):
            if not holds(folder / WHOLE, keys, size):  # another process may have built them
                build(catalog, size, folder, keys, pictures, progress)
    except OSError as error:
        logger.info(
            f"note: {folder}: {name} can't be prepared there ({error.strerror or error}), which takes "
            f"{bytes_needed / 1e9:.2f} GB: each is decoded whenever it is drawn"
        )
        return None
    return PreparedFrames(folder / WHOLE)


def _folder(side: Path, kind: str, size: int) -> Path:
    """The folder of the prepared frames, or maps, of a size; never one that a newer version uses."""
    folder = side / f"{kind}_{size}"
    if any(kept_by_newer(folder / name, WHAT) for name in (WHOLE, BUILDING)):
        return side / f"{kind}_{size}.version1"
    return folder


def frame_keys(catalog: Catalog) -> np.ndarray:
    """uint64 (N,): each number changes with the name, the size in bytes or the time of change of its frame's file.

    Raises:
        CaptureError: a file is gone.
    """
    index, train = catalog.index, os.fsencode(catalog.root / "train")
    keys = np.empty(index.frames, np.uint64)
    for clip in range(index.clips):
        inside, first = index.clip_path(clip), int(index.frame_at[clip])
        if index.clip_form[clip] == VIDEO:
            stamp = _stamp(train, inside)
            for i in range(first, int(index.frame_at[clip + 1])):
                keys[i] = key_of(b"%b %d" % (stamp, i - first))
        else:
            for i in range(first, int(index.frame_at[clip + 1])):
                keys[i] = key_of(_stamp(train, inside + b"/" + index.frame_name(clip, i - first)))
    return keys


def _stamp(train: bytes, inside: bytes) -> bytes:
    path = train + b"/" + inside
    try:
        now = os.stat(path)
    except OSError as error:
        raise CaptureError(
            f"{os.fsdecode(path)}: {error.strerror}, though it was there when the folder was listed; start again"
        ) from None
    return b"%b\0%d %d" % (inside, now.st_size, now.st_mtime_ns)


def key_of(text: bytes) -> int:
    """A hash of 64 bits."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time into the block. The system releases the lock of a process that dies."""
    # truncates nothing, and follows no link that came with a dataset
    extra = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with open(path, "r+b", opener=lambda name, flags: os.open(name, flags | extra, 0o666)) as file:
        if not lock_file(file):
            logger.info("waiting for another process that prepares the frames")
            lock_file(file, blocking=True)
        yield
