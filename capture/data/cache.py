"""Prepared frames: a whole split at the training size in one file, decoded once, mapped into memory by every process.

<side folder>/frames_<size>/ holds `frames.bin`: (N, S, S, 3) uint8, the layout that channels_last batches are cut from
without turning anything, and for each frame a key (of its file's name, size and time of change) and a CRC-32 of its
pixels (0: not there yet). It is built as `frames.building` and renamed when whole. A killed build goes on from what is
there; a changed dataset keeps the frames that are the same, and the old file until the new one is whole. What a newer
version of this program prepared is left alone: ours then lie in frames_<size>.version1/. Maps of frames
(capture.data.iuv.maps) are kept alike, in maps_<size>/.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from capture.common.errors import CaptureError
from capture.common.file_lock import lock_file
from capture.common.threads import available_cores
from capture.common.workers import WorkerDied, gather, stopping
from capture.data.decoding import decode_picture, framed, read_frame
from capture.data.index.catalog import Catalog
from capture.data.index.index import VIDEO
from capture.io.array_file import Damaged, create_arrays, kept_by_newer, open_arrays, side_folders, writable_side_folder
from capture.io.video import VideoReader

logger = logging.getLogger("capture")

WHAT = "prepared frames, version 1"
WHOLE, BUILDING, OLD = "frames.bin", "frames.building", "frames.old"
_AT_A_TIME = 32  # pictures a job decodes
_WORTH_IT = 10  # seconds of decoding that starting processes is worth
_NAMED = 3  # broken frames that a message names

Decode = Callable[[Path | None, int], np.ndarray]  # a picture's file, size -> uint8 (S, S, 3)
# file, size, frames: (number, path, position in a video), how pictures are decoded
Job = tuple[Path, int, list[tuple[int, Path | None, int | None]], Decode]


class Pictures(NamedTuple):
    """What is prepared of a split.

    Attributes:
        name: frames | maps; the folder's.
        keys: uint64 (N), which change with what is decoded.
        find: number of a frame -> its picture and None, or a video and the position in it.
        decode: for other processes, too.
        limit: what `cache_gb` is, for people.
    """

    name: str
    keys: Callable[[], np.ndarray]
    find: Callable[[int], tuple[Path | None, int | None]]
    decode: Decode
    limit: str = "cache_gb"


class PreparedFrames:
    """All frames of a split at the training size: `array` is uint8 (N, S, S, 3), read-only, shared by all processes."""

    def __init__(self, path: Path):
        self.path = path
        self.array = _open(path)["frames"]

    def __reduce__(self) -> tuple:
        return PreparedFrames, (self.path,)


def prepare_frames(catalog: Catalog, size: int, cache_gb: float, progress: bool = True) -> PreparedFrames | None:
    """Open the prepared frames of a split, after building them where there are none that still hold.

    Several processes may call this at once: one builds, the others wait for it.

    Args:
        cache_gb: the most they may take (GB of 10^9 bytes).  progress: show a bar while building.
    Returns:
        None where they would take more, or can't be written; a line in the log says so.
    Raises:
        CaptureError: frames are gone or broken; a few are named.
    """
    pictures = Pictures("frames", functools.partial(frame_keys, catalog), catalog.frame, decode_picture)
    return prepare_pictures(catalog, size, cache_gb, pictures, progress)


def prepare_pictures(
    catalog: Catalog, size: int, cache_gb: float, pictures: Pictures, progress: bool = True
) -> PreparedFrames | None:
    """prepare_frames, of the frames or of other pictures that each of them has."""
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
    for side in side_folders(catalog.root):  # those of a dataset that can only be read may have come with it
        folder = _folder(side, name, size)
        if _holds(folder / WHOLE, keys, size):
            return PreparedFrames(folder / WHOLE)
    side = writable_side_folder(catalog.root)
    if side is None:
        logger.info(f"note: no folder to keep prepared {name} in (neither in {catalog.root} nor in ~/.cache)")
        return None
    folder = _folder(side, name, size)
    if folder.name != f"{name}_{size}":
        logger.info(f"note: {side / f'{name}_{size}'} is a newer version's and left alone; using {folder}")
    if folder.is_symlink():
        logger.info(f"note: {folder}: a link, so no {name} are prepared there; remove it")
        return None
    try:
        folder.mkdir(exist_ok=True)
        with _locked(folder / "lock"):
            if not _holds(folder / WHOLE, keys, size):  # or another process has built them meanwhile
                _build(catalog, size, folder, keys, pictures, progress)
    except OSError as error:
        logger.info(
            f"note: {folder}: {name} can't be prepared there ({error.strerror or error}), which takes "
            f"{bytes_needed / 1e9:.2f} GB: each is decoded whenever it is drawn"
        )
        return None
    return PreparedFrames(folder / WHOLE)


def _folder(side: Path, kind: str, size: int) -> Path:
    """Where the frames (maps) of a size lie: not among those of a newer version."""
    folder = side / f"{kind}_{size}"
    if any(kept_by_newer(folder / name, WHAT) for name in (WHOLE, BUILDING)):
        return side / f"{kind}_{size}.version1"
    return folder


def frame_keys(catalog: Catalog) -> np.ndarray:
    """uint64 (N): changes with the name, the size in bytes or the time of change of a frame's file.

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
    """64 bits that change with the text."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _holds(path: Path, keys: np.ndarray, size: int) -> bool:
    """Whether the file is there, and of these very frames at this size."""
    try:
        arrays = _open(path)
    except (OSError, Damaged):
        return False
    if arrays["frames"].shape[1:3] != (size, size):
        return False
    return np.array_equal(arrays["keys"], keys)


def _open(path: Path, writable: bool = False) -> dict[str, np.ndarray]:
    """The arrays of such a file, of the types and shapes that they are written with; Damaged or OSError else."""
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


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the system takes the lock back from one that dies."""
    # nothing is truncated, and no link followed that came with a dataset
    extra = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with open(path, "r+b", opener=lambda name, flags: os.open(name, flags | extra, 0o666)) as file:
        if not lock_file(file):
            logger.info("waiting for another process that prepares the frames")
            lock_file(file, blocking=True)
        yield


def _build(catalog: Catalog, size: int, folder: Path, keys: np.ndarray, pictures: Pictures, progress: bool) -> None:
    building, n = folder / BUILDING, len(keys)
    if (folder / WHOLE).exists():
        logger.info(
            f"{catalog.root / 'train'} has changed since its {pictures.name} were prepared: preparing them again"
        )
    if not _holds(building, keys, size):
        _put_by(building, folder / OLD)
        spec = {"frames": ("|u1", (n, size, size, 3)), "keys": ("<u8", (n,)), "crcs": ("<u4", (n,))}
        create_arrays(building, WHAT, {"size": size}, spec)["keys"][:] = keys
    arrays = _open(building, writable=True)
    _forget_broken(arrays)
    for older in (folder / OLD, folder / WHOLE):
        _take_over(older, arrays)
    (folder / OLD).unlink(missing_ok=True)

    todo = np.flatnonzero(arrays["crcs"] == 0)
    taken = arrays["frames"].nbytes / 1e9
    logger.info(f"preparing {len(todo)} of {n} {pictures.name} at {size}x{size}, once: {taken:.2f} GB in {folder}")
    jobs = _jobs(pictures, size, building, todo)
    began = time.monotonic()
    errors = [message for job in jobs[:1] for message in _fill(job)[1]]
    seconds = (time.monotonic() - began) * len(jobs[1:])
    cores = available_cores() if seconds > _WORTH_IT else 1
    left = sum(len(job[2]) for job in jobs[1:])
    try:
        for messages in gather(_fill, jobs[1:], "preparing", cores, left, progress=progress):
            errors += messages
    except WorkerDied:
        raise CaptureError(
            "a process that prepared frames was killed (out of memory?); run the same command again to go on, "
            "or with --cache_gb 0 to do without"
        ) from None
    missing = int((arrays["crcs"] == 0).sum())
    if missing:
        named = "; ".join(sorted(errors)[:_NAMED]) + ("; ..." if len(errors) > _NAMED else "")
        raise CaptureError(
            f"{missing} of {n} {pictures.name} can't be read: {named}; "
            f"prepare.py check {catalog.root} --fix sets the broken files aside"
        )
    del arrays  # Windows renames no file that is mapped
    with open(building, "r+b") as file:
        os.fsync(file.fileno())
    os.replace(building, folder / WHOLE)


def _forget_broken(arrays: dict[str, np.ndarray]) -> None:
    """Take frames that a crash of the machine left half-written as not there yet."""
    for i in np.flatnonzero(arrays["crcs"]):
        if _crc(arrays["frames"][i]) != arrays["crcs"][i]:
            arrays["crcs"][i] = 0


def _put_by(building: Path, old: Path) -> None:
    """Keep what a build for other frames got done; a file that was killed before it began is nothing to keep."""
    try:
        _open(building)
    except (OSError, Damaged):
        building.unlink(missing_ok=True)
    else:
        os.replace(building, old)


def _take_over(old: Path, arrays: dict[str, np.ndarray]) -> None:
    """Copy frames that haven't changed out of an older file."""
    try:
        there = _open(old)
    except (OSError, Damaged):
        return
    if there["frames"].shape[1:] == arrays["frames"].shape[1:]:
        places = {key: i for i, key in enumerate(there["keys"].tolist())}
        for i in np.flatnonzero(arrays["crcs"] == 0):
            j = places.get(int(arrays["keys"][i]))
            if j is not None and there["crcs"][j] == _crc(there["frames"][j]):
                arrays["frames"][i] = there["frames"][j]
                arrays["crcs"][i] = there["crcs"][j]


def _jobs(pictures: Pictures, size: int, building: Path, todo: np.ndarray) -> list[Job]:
    """Some pictures each, or what is wanted of one video."""
    jobs: list[Job] = []
    some: list[tuple[int, Path | None, int | None]] = []
    video = None
    for number in todo.tolist():
        path, position = pictures.find(number)
        entry = (number, path, position)
        if position is None:
            some.append(entry)
            if len(some) == _AT_A_TIME:
                jobs.append((building, size, some, pictures.decode))
                some = []
        elif path == video:
            jobs[-1][2].append(entry)
        else:
            jobs.append((building, size, [entry], pictures.decode))
            video = path
    if some:
        jobs.append((building, size, some, pictures.decode))
    return jobs


def _fill(job: Job) -> tuple[int, list[str]]:
    """Decode frames into the file; how many, and what is wrong with others, which are left out."""
    building, size, frames, decode = job
    arrays = open_arrays(building, WHAT, writable=True)[1]
    done, errors = 0, []
    with contextlib.ExitStack() as stack:
        video = frames[0][2] is not None
        reader = stack.enter_context(VideoReader(frames[0][1])) if video else None
        for number, path, position in frames:
            if stopping():
                break
            try:
                # a video's frames come in order, so that none is decoded twice
                frame = framed(read_frame(reader, position), size) if video else decode(path, size)
            except CaptureError as error:
                errors.append(str(error))
                if video and len(errors) == _NAMED:
                    break  # each further one would be looked for from the beginning of the video
                continue
            arrays["frames"][number] = frame
            arrays["crcs"][number] = _crc(frame)
            done += 1
    return done, errors


def _crc(frame: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(frame)) or 1  # 0 says "not there yet"
