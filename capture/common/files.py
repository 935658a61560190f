"""Atomic writes: after a crash a file is the old one or the new one, never a part of either."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from capture.common.errors import CaptureError, remedy


@contextlib.contextmanager
def atomic_file(path: str | Path, sync: bool = True, keep: Path | None = None) -> Iterator[BinaryIO]:
    """Yield a temporary file beside `path`, which is renamed to `path` at the end, or removed after an error.

    Args:
        sync: flush the file to the disk before it is renamed. False for small files that can be made again.
        keep: a name for the older file at `path`. It is renamed first, so for a moment no file is at `path`.
    Raises:
        CaptureError: the disk is full, the folder can't be written, or `path` is a folder such as ".".
    """
    path = Path(path)
    if not path.name:
        raise CaptureError(f"{path}: a folder; name a file in it")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        with open(partial, "xb") as file:  # fails where the name exists, so that no link is followed
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
    """Write a file atomically; `write` is called with the open temporary file. For the arguments see atomic_file."""
    with atomic_file(path, sync, keep) as file:
        write(file)


def _remove(partial: Path) -> None:
    with contextlib.suppress(OSError):  # the disk that failed to write may fail to remove
        partial.unlink()


def remove_partials(folder: Path) -> None:
    """Remove temporary files that killed processes left below `folder`. No process may be writing there now."""
    for partial in folder.rglob(".*.partial"):
        _remove(partial)


def visible_files(folder: Path) -> list[Path]:
    """The files below a folder, sorted; hidden ones and those in hidden folders left out."""
    found = ((path, path.relative_to(folder).parts) for path in folder.rglob("*") if path.is_file())
    return sorted(path for path, parts in found if not any(part.startswith(".") for part in parts))


def sha256_of(path: str | Path) -> str:
    """sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def append_line(path: Path, line: str) -> None:
    """Append a line in a single write to the disk. If the write fails, the file stays as it was.

    Raises:
        CaptureError: the disk is full or the file can't be written.
    """
    try:
        with open(path, "ab", buffering=0) as file:
            before, data = file.tell(), line.encode() + b"\n"
            try:
                if file.write(data) != len(data):  # a full disk stores the beginning of the line
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                os.truncate(path, before)
                raise
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: str | Path, error: OSError) -> CaptureError:
    """The CaptureError for a file that can't be written."""
    what_to_do = remedy(error) if error.errno in (errno.EMFILE, errno.ENFILE) else None
    what_to_do = what_to_do or "free space or choose another folder"
    return CaptureError(f"{path}: can't be written ({error.strerror or error}); {what_to_do}")


def write_bytes(path: str | Path, data: bytes, sync: bool = True) -> None:
    """Write `data` to `path` atomically."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    write_atomically(path, write, sync)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows opens no folders, and writes their entries itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reserve(file: BinaryIO, size: int) -> None:
    """Take the disk space of the first `size` bytes of an open, empty file, whose position stays at its beginning.

    Raises:
        OSError: the disk is full.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    block = bytes(1 << 20)  # macOS, Windows
    for start in range(0, size, len(block)):
        file.write(block[: size - start])
    file.flush()
    file.seek(0)


def is_running(process: int) -> bool:
    """Whether a process of this number may be running on this machine."""
    if (
        process < 1 or os.name == "nt"
    ):  # where os.kill would end it; files that it has open can't be removed there anyway
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True
