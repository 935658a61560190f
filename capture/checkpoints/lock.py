"""The lock of a result folder, by which only one run at a time writes there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from capture.common.errors import CaptureError
from capture.common.files import cannot_write, remove_partials

LOCK = ".lock"


@contextlib.contextmanager
def run_lock(folder: Path, wanted: bool = True) -> Iterator[None]:
    """Lock `folder` for a run of this process. The system releases the lock when the process dies.

    A missing folder is made. Partial files of killed processes are removed first. At the end the lock's file is
    removed, and so is a new folder that is still empty.

    Args:
        wanted: false in the processes of a job that do not write; then nothing is done.
    Raises:
        CaptureError: another process, which the message names, holds the lock, or the folder can't be written.
    """
    if not wanted:
        yield
        return
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    with _taken(folder):
        remove_partials(folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink()
                for path in new:  # where nothing was written
                    path.rmdir()


def _taken(folder: Path) -> TextIO:
    """The lock's file, open and locked."""
    path = folder / LOCK
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            file = open(path, "a+")  # noqa: SIM115 (the caller closes it)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                print(f"process {os.getpid()} on {socket.gethostname()}", file=file, flush=True)
                return file
            file.close()  # the holder removed it on leaving
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "not named yet"
        file.close()
        raise CaptureError(
            f"{folder}: another run is at work here ({holder}); wait for it, stop it, or choose another --result_title"
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from None
