"""Checks of a checkpoint before it is used: checksums, sizes, and tensors of plain numbers."""

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
    """A checkpoint is damaged; an earlier one can be used in its place."""


def check_archive(path: str | Path) -> None:
    """Check a torch file, which is a zip archive, before torch reads it.

    Every record is compared with its CRC-32, which torch does not do. Compressed archives are refused, because they can
    take more memory than their size on the disk; torch writes uncompressed records only. Files that are no zip archives
    or are cut short are not checked: torch.load reports them.

    Raises:
        Damaged: the content of a record does not have the CRC-32 that was written with it.
        CaptureError: a record is compressed, or the records together are larger than the file.
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
    """The name of the first record whose content does not have its CRC-32; None where all are good."""
    try:
        return file.testzip()
    except OSError as error:
        if error.errno != errno.EINVAL:  # the error for a header that points to before the start of the file
            raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, EOFError, RuntimeError):
        pass
    return "a record's header"


def check_weights(weights: Any, path: str | Path, name: str) -> None:
    """Refuse a state dict that holds anything but dense, finite tensors of plain numbers.

    Raises:
        CaptureError: the first value that is no such tensor; the message names it.
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
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():  # the tensor is larger than its storage
        return "larger than what is stored of it"
    return "" if torch.isfinite(value).all() else "NaN or infinity in it"
