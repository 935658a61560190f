"""Writing files so that a crash leaves the old one or the new one, never half of either."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from capture.common.errors import CaptureError, remedy


@contextlib.contextmanager
def atomic_file(path: str | Path, sync: bool = True, keep: Path | None = None) -> Iterator[BinaryIO]:
    """A temporary file beside `path` to fill, which is renamed into place in the end, or removed on an error.

    Args:
        sync: flush to the disk before the rename. Off for one of thousands of small files that can be made again.
        keep: the file that was there before is renamed to this first; for a moment there is only that one.
    Raises:
        CaptureError: the disk is full or the folder can't be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        with open(partial, "xb") as file:  # never through a link that was there before
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(partial, path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        _remove(partial)
        raise cannot_write(path, error) from None
    except BaseException:
        _remove(partial)
        raise


def write_atomically(
    path: str | Path, write: Callable[[BinaryIO], None], sync: bool = True, keep: Path | None = None
) -> None:
    """Have `write` fill an atomic_file."""
    with atomic_file(path, sync, keep) as file:
        write(file)


def _remove(partial: Path) -> None:
    with contextlib.suppress(OSError):  # what stopped the writing may stop this too
        partial.unlink()


def remove_partials(folder: Path) -> None:
    """Remove what writers that were killed left in `folder` and the folders in it. None may be writing there now."""
    for partial in folder.rglob(".*.partial"):
        _remove(partial)


def append_line(path: Path, line: str) -> None:
    """Append a line in one write to the disk; where that fails, the file is as it was.

    Raises:
        CaptureError: the disk is full or the file can't be written.
    """
    try:
        with open(path, "ab", buffering=0) as file:
            before, data = file.tell(), line.encode() + b"\n"
            try:
                if file.write(data) != len(data):  # a full disk takes the first part of it
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                os.truncate(path, before)
                raise
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: str | Path, error: OSError) -> CaptureError:
    """The line for a file that can't be written."""
    what_to_do = remedy(error) if error.errno in (errno.EMFILE, errno.ENFILE) else None
    what_to_do = what_to_do or "free space or choose another folder"
    return CaptureError(f"{path}: can't be written ({error.strerror or error}); {what_to_do}")


def write_bytes(path: str | Path, data: bytes, sync: bool = True) -> None:
    """Write `data` to `path`, whole or not at all."""
    write_atomically(path, lambda file: file.write(data), sync)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
