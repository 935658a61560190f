"""What a checkpoint may be before anything of it is used: no larger than it is, and plain tensors."""

from __future__ import annotations

import errno
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError

MOST_RECORDS = 100_000
NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8)


class Damaged(CaptureError):
    """A checkpoint that is not whole, so that an earlier one had better be used."""


def check_archive(path: str | Path) -> None:
    """Compare every record of a torch file (a zip) with the CRC-32 that it was written with, which torch doesn't; and
    refuse one that would grow when it is read: torch stores records as they are.

    Files that aren't zips, and those that are cut short, are left to torch.

    Raises:
        Damaged: a record is other than it was written.
        CaptureError: a compressed record, or records that are together larger than the file.
    """
    try:
        file, size = zipfile.ZipFile(path), Path(path).stat().st_size
    except (OSError, zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, EOFError):
        return
    with file:
        _refuse_growing(path, file.infolist(), size)
        bad = _first_bad(path, file)
    if bad is not None:
        raise Damaged(f"{path}: damaged ({bad} fails its checksum); use an earlier checkpoint")


def _refuse_growing(path: str | Path, records: list[zipfile.ZipInfo], size: int) -> None:
    if len(records) > MOST_RECORDS:
        raise CaptureError(f"{path}: {len(records):,} records; not a checkpoint; use an earlier checkpoint")
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise CaptureError(f"{path}: refused: it is compressed, as torch's never are, and may grow; get it again")
    if sum(record.file_size for record in records) > size:
        raise CaptureError(f"{path}: refused: what is in it claims to be larger than the file; get it again")


def _first_bad(path: str | Path, file: zipfile.ZipFile) -> str | None:
    """The first record that is other than it was written."""
    try:
        return file.testzip()
    except OSError as error:
        if error.errno != errno.EINVAL:  # which a header that leads to before the file's beginning gives
            raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, EOFError, RuntimeError):
        pass
    return "a record's header"


def check_weights(weights: Any, path: str | Path, name: str) -> None:
    """Refuse a state dict that holds anything but dense, finite tensors of plain numbers.

    Raises:
        CaptureError: naming the first that isn't one.
    """
    if not isinstance(weights, dict):
        raise CaptureError(f"{path}: damaged: {name} holds no parameters; use an earlier checkpoint")
    for key, value in weights.items():
        why = "" if isinstance(key, str) else "its name is not text"
        why = why or _what_is_wrong(value)
        if why:
            raise CaptureError(f"{path}: damaged: {name}, {str(key)[:100]!r}: {why}; use an earlier checkpoint")


def _what_is_wrong(value: Any) -> str:
    if not isinstance(value, Tensor):
        return "not a tensor"
    if value.is_nested or value.layout != torch.strided or value.is_meta or value.is_quantized:
        return "not a plain tensor"
    if value.dtype not in NUMBERS:
        return f"of type {str(value.dtype).removeprefix('torch.')}"
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():  # one number for many
        return "larger than what is stored of it"
    return "" if torch.isfinite(value).all() else "NaN or infinity in it"
