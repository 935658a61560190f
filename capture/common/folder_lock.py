"""The lock of a folder, by which only one program at a time writes there: a training run, or prepare.py."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from capture.common.errors import CaptureError
from capture.common.file_lock import FIRST, lock_file
from capture.common.files import cannot_write, remove_partials

LOCK = ".lock"
LONGEST = 500  # bytes that are read of the line that names the holder


@contextlib.contextmanager
def folder_lock(folder: Path, otherwise: str, wanted: bool = True) -> Iterator[None]:
    """Lock `folder` for this process. The system releases the lock when the process dies.

    A missing folder is made. Partial files of killed processes are removed first. At the end the lock's file is
    removed, and so is a new folder that is still empty.

    Args:
        otherwise: what a person may do in place of waiting, for the message: "choose another folder".
        wanted: false in the processes of a job that do not write; then nothing is done.
    Raises:
        CaptureError: another process, which the message names, holds the lock, or the folder can't be written.
    """
    if not wanted:
        yield
        return
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        file = _taken(folder, otherwise)
        try:
            remove_partials(folder)
            yield
        finally:
            _remove_lock(folder / LOCK, file)
    finally:
        with contextlib.suppress(OSError):
            for path in new:  # where nothing was written
                path.rmdir()


def _taken(folder: Path, otherwise: str) -> BinaryIO:
    """The lock's file, open and locked, with this process's number in it."""
    path = folder / LOCK
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            file = open(path, "a+b")  # noqa: SIM115 (the caller closes it)
            if not lock_file(file):
                break
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                _name_holder(file)
                return file
            file.close()  # the holder removed it on leaving
        file.seek(FIRST)
        holder = file.read(LONGEST).decode(errors="replace").strip() or "not named yet"
        file.close()
    except OSError as error:
        raise cannot_write(path, error) from None
    raise CaptureError(f"{folder}: another program is at work here ({holder}); wait for it, stop it, or {otherwise}")


def _name_holder(file: BinaryIO) -> None:
    """Write this process's number into the lock's file, or remove the file where the disk is full."""
    try:
        file.truncate(0)
        file.write(b"\n" * FIRST + f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        file.flush()
    except OSError:
        _remove_lock(Path(file.name), file)
        raise


def _remove_lock(path: Path, file: BinaryIO) -> None:
    """Remove the lock's file while it is held, so that nobody takes it in between; Windows needs it closed first."""
    try:
        path.unlink()
    except OSError:
        file.close()
        with contextlib.suppress(OSError):
            path.unlink()
    file.close()
