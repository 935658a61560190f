"""Writing files so that a crash leaves the old one or the new one, never half of either."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from capture.errors import CaptureError


def write_atomically(path: str | Path, write: Callable[[BinaryIO], None], sync: bool = True) -> None:
    """Have `write` fill a temporary file beside `path`, then rename it into place.

    Args:
        sync: flush to the disk before the rename. Off for one of thousands of small files that can be made again.
    Raises:
        CaptureError: the disk is full or the folder can't be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        with open(partial, "xb") as file:  # never through a link that was there before
            write(file)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(partial, path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        _remove(partial)
        raise CaptureError(
            f"{path}: can't be written ({error.strerror or error}); free space or choose another folder"
        ) from None
    except BaseException:
        _remove(partial)
        raise


def _remove(partial: Path) -> None:
    with contextlib.suppress(OSError):  # what stopped the writing may stop this too
        partial.unlink()


def write_bytes(path: str | Path, data: bytes, sync: bool = True) -> None:
    """Write `data` to `path`, whole or not at all."""
    write_atomically(path, lambda file: file.write(data), sync)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
