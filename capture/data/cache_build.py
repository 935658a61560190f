"""Building the file of prepared frames: every picture is decoded once, by as many processes as are worth starting."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from capture.common.errors import CaptureError
from capture.common.threads import available_cores
from capture.common.workers import WorkerDied, gather, stopping
from capture.data.cache_file import BUILDING, OLD, WHAT, WHOLE, frame_crc, holds, open_frames
from capture.data.decoding import framed, read_frame
from capture.data.index.catalog import Catalog
from capture.io.array_file import Damaged, create_arrays, open_arrays
from capture.io.video import VideoReader

logger = logging.getLogger("capture")

PICTURES_PER_JOB = 32
WORTH_PROCESSES = 10  # seconds of decoding; less isn't worth starting processes
NAMED = 3  # how many broken frames a message names

Decode = Callable[[Path | None, int], np.ndarray]  # a picture file, size -> uint8 (S, S, 3)
# file, size, frames: (number, path, position in a video), how pictures are decoded
Job = tuple[Path, int, list[tuple[int, Path | None, int | None]], Decode]


class Pictures(NamedTuple):
    """The pictures of a split that are prepared: its frames, or their maps.

    Attributes:
        name: frames or maps, as in the name of the folder.
        keys: gives uint64 (N,), numbers that change when the file of a picture changes.
        find: number of a frame -> its picture file and None, or a video and the position in it.
        decode: (picture file, size) -> uint8 (S, S, 3); it is sent to other processes.
        limit: what `cache_gb` is called in messages.
    """

    name: str
    keys: Callable[[], np.ndarray]
    find: Callable[[int], tuple[Path | None, int | None]]
    decode: Decode
    limit: str = "cache_gb"


def build(catalog: Catalog, size: int, folder: Path, keys: np.ndarray, pictures: Pictures, progress: bool) -> None:
    """Build the prepared frames in `folder`; a killed build goes on from what is there.

    Args:
        keys: see Pictures.
        progress: show a progress bar.
    Raises:
        CaptureError: pictures are missing or broken; the message names a few.
    """
    building, n = folder / BUILDING, len(keys)
    if (folder / WHOLE).exists():
        logger.info(
            f"{catalog.root / 'train'} has changed since its {pictures.name} were prepared: preparing them again"
        )
    if not holds(building, keys, size):
        _set_aside(building, folder / OLD)
        spec = {"frames": ("|u1", (n, size, size, 3)), "keys": ("<u8", (n,)), "crcs": ("<u4", (n,))}
        create_arrays(building, WHAT, {"size": size}, spec)["keys"][:] = keys
    arrays = open_frames(building, writable=True)
    _forget_broken(arrays)
    for older in (folder / OLD, folder / WHOLE):
        _copy_unchanged(older, arrays)
    (folder / OLD).unlink(missing_ok=True)

    todo = np.flatnonzero(arrays["crcs"] == 0)
    taken = arrays["frames"].nbytes / 1e9
    logger.info(f"preparing {len(todo)} of {n} {pictures.name} at {size}x{size}, once: {taken:.2f} GB in {folder}")
    jobs = _jobs(pictures, size, building, todo)
    began = time.monotonic()
    errors = [message for job in jobs[:1] for message in _fill(job)[1]]
    seconds = (time.monotonic() - began) * len(jobs[1:])
    cores = available_cores() if seconds > WORTH_PROCESSES else 1
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
        named = "; ".join(sorted(errors)[:NAMED]) + ("; ..." if len(errors) > NAMED else "")
        raise CaptureError(
            f"{missing} of {n} {pictures.name} can't be read: {named}; "
            f"prepare.py check {catalog.root} --fix sets the broken files aside"
        )
    del arrays  # Windows renames no file that is mapped
    with open(building, "r+b") as file:
        os.fsync(file.fileno())
    os.replace(building, folder / WHOLE)


def _forget_broken(arrays: dict[str, np.ndarray]) -> None:
    """Mark frames as missing that are only half-written, after a crash of the machine."""
    for i in np.flatnonzero(arrays["crcs"]):
        if frame_crc(arrays["frames"][i]) != arrays["crcs"][i]:
            arrays["crcs"][i] = 0


def _set_aside(building: Path, old: Path) -> None:
    """Keep the unfinished build of an earlier state of the dataset, because most of its frames may be unchanged."""
    try:
        open_frames(building)
    except (OSError, Damaged):
        building.unlink(missing_ok=True)
    else:
        os.replace(building, old)


def _copy_unchanged(old: Path, arrays: dict[str, np.ndarray]) -> None:
    """Copy the frames that haven't changed from an older file."""
    try:
        there = open_frames(old)
    except (OSError, Damaged):
        return
    if there["frames"].shape[1:] == arrays["frames"].shape[1:]:
        places = {key: i for i, key in enumerate(there["keys"].tolist())}
        for i in np.flatnonzero(arrays["crcs"] == 0):
            j = places.get(int(arrays["keys"][i]))
            if j is not None and there["crcs"][j] == frame_crc(there["frames"][j]):
                arrays["frames"][i] = there["frames"][j]
                arrays["crcs"][i] = there["crcs"][j]


def _jobs(pictures: Pictures, size: int, building: Path, todo: np.ndarray) -> list[Job]:
    """Jobs of PICTURES_PER_JOB pictures each, or of all frames that are needed of one video."""
    jobs: list[Job] = []
    batch: list[tuple[int, Path | None, int | None]] = []
    video = None
    for number in todo.tolist():
        path, position = pictures.find(number)
        entry = (number, path, position)
        if position is None:
            batch.append(entry)
            if len(batch) == PICTURES_PER_JOB:
                jobs.append((building, size, batch, pictures.decode))
                batch = []
        elif path == video:
            jobs[-1][2].append(entry)
        else:
            jobs.append((building, size, [entry], pictures.decode))
            video = path
    if batch:
        jobs.append((building, size, batch, pictures.decode))
    return jobs


def _fill(job: Job) -> tuple[int, list[str]]:
    """Decode frames into the file; returns how many, and the errors of frames that can't be decoded."""
    building, size, frames, decode = job
    arrays = open_arrays(building, WHAT, writable=True)[1]
    done, errors = 0, []
    with contextlib.ExitStack() as stack:
        video = frames[0][2] is not None
        reader = stack.enter_context(VideoReader(frames[0][1])) if video and frames[0][1] is not None else None
        for number, path, position in frames:
            if stopping():
                break
            try:
                # a video's frames come in order, so that no frame is decoded twice
                if reader is not None and position is not None:
                    frame = framed(read_frame(reader, position), size)
                else:
                    frame = decode(path, size)
            except CaptureError as error:
                errors.append(str(error))
                if video and len(errors) == NAMED:
                    break  # every further frame would be searched for from the beginning of the video
                continue
            arrays["frames"][number] = frame
            arrays["crcs"][number] = frame_crc(frame)
            done += 1
    return done, errors
