"""Pairs files: CSV `identity,pose,target`, paths relative to the file; an empty target is an unknown one."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from capture.errors import CaptureError
from datasets.writing import PAIRS_HEADER


@dataclass(frozen=True)
class Pair:
    """Show the character of `identity` in the pose of `pose`; `target` is the true picture, where it is known."""

    identity: Path
    pose: Path
    target: Path | None


def read_pairs(path: str | Path) -> list[Pair]:
    """Read a pairs file.

    Raises:
        CaptureError: missing, not such a CSV, empty, or a row (named by its line) that points nowhere.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise CaptureError(f"{path}: can't read this pairs file ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise CaptureError(f"{path}: not a CSV text file with the columns {','.join(PAIRS_HEADER)}") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if header[:2] != list(PAIRS_HEADER[:2]) or header[2:] not in ([], ["target"]):
        raise CaptureError(
            f"{path} line 1: expected the header {','.join(PAIRS_HEADER)}, found {','.join(header) or 'nothing'}"
        )
    pairs = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) not in (2, 3):
            raise CaptureError(f"{path} line {number}: expected {len(header)} columns, found {len(row)}")
        identity, pose, target = (cell.strip() for cell in [*row, ""][:3])
        pairs.append(
            Pair(
                _find(path, number, identity),
                _find(path, number, pose),
                _find(path, number, target) if target else None,
            )
        )
    if not pairs:
        raise CaptureError(f"{path}: no pairs in this file")
    return pairs


def _find(path: Path, number: int, name: str) -> Path:
    found = path.parent / name
    try:
        good = bool(name) and found.is_file()
    except (OSError, ValueError):
        good = False
    if not good:
        raise CaptureError(f"{path} line {number}: no such picture: {name or '(empty)'}")
    return found
