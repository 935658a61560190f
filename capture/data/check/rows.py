"""Every row of a pairs file that can't be used, not only the first."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from capture.common.errors import CaptureError
from capture.data.check.findings import Findings, Item
from capture.data.check.inventory import Inventory
from capture.data.check.pictures import Pictures
from capture.io.pairs import HEADER, OPTIONAL, REQUIRED, is_header
from capture.io.pairs import parse_pair as pair_of_row  # so that what passes here passes there


@dataclass
class PairsFile:
    """A pairs file, row by row.

    Attributes:
        broken: why none of it can be used; "" where its header is right and a good row follows.
        header: that line as it stands.
        good: good rows as they stand, with their ends of line.
        bad: line number -> what is wrong with the row.
    """

    broken: str = ""
    header: str = ""
    good: list[str] = field(default_factory=list)
    bad: dict[int, str] = field(default_factory=dict)


def check_pairs(inventory: Inventory, pictures: Pictures, findings: Findings) -> int:
    """Tell of what is wrong in the test split's pairs files; the number of good rows in all."""
    broken, bad, good = [], [], 0
    for name in inventory.pairs:
        file = judge_pairs(inventory, pictures, name)
        good += len(file.good)
        bad += [Item(f"{name} line {line}", why) for line, why in file.bad.items()]
        if file.broken:
            broken.append(Item(name, file.broken))
    findings.wrong("pairs-file", "pairs files can't be used", broken)
    findings.wrong("pairs-row", "rows of pairs can't be used", bad)
    return good


def judge_pairs(inventory: Inventory, pictures: Pictures, name: str) -> PairsFile:
    """Read a pairs file of the dataset, one row after the other, whatever is wrong with those before."""
    path = inventory.root / name
    unreadable = {os.path.normpath(inventory.root / inventory.entries[i].path) for i in pictures.errors}
    file = PairsFile()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        file.broken = "not a text file"
        return file
    except OSError as error:
        file.broken = f"can't be read ({error.strerror})"
        return file
    names: list[str] = []
    for line, raw, cells in _rows(text):
        if not names:
            names = [cell.strip().lower() for cell in cells or []]
            if not is_header(names):
                file.broken = f"line {line}: expected the header {HEADER}, found {raw.strip()[:60]!r}"
                return file
            file.header = raw
            continue
        why = _why_bad(path, line, names, cells, unreadable)
        if why:
            file.bad[line] = why
        else:
            file.good.append(raw)
    if not file.good:
        file.broken = "no good row in it"
    return file


def _rows(text: str) -> Iterator[tuple[int, str, list[str] | None]]:
    """(number of its last line, the row as it stands, its cells or None where it isn't CSV); blank ones left out."""
    lines = list(io.StringIO(text, newline=""))
    rows: list[tuple[int, str, list[str] | None]] = []
    start = 0
    reader = csv.reader(lines, strict=True)
    try:
        for cells in reader:
            rows.append((reader.line_num, "".join(lines[start : reader.line_num]), cells))
            start = reader.line_num
    except csv.Error:  # a quote that never closes swallows all that follows: take each line for itself
        rows = [(number, line, _cells(line)) for number, line in enumerate(lines, 1)]
    for number, raw, row in rows:
        if row is None or any(cell.strip() for cell in row):
            yield number, raw, row


def _cells(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _why_bad(path: Path, line: int, names: list[str], cells: list[str] | None, unreadable: set[str]) -> str:
    if cells is None:
        return "not valid CSV"
    try:
        pair = pair_of_row(path, line, names, cells)
    except CaptureError as error:
        return str(error).removeprefix(f"{path} line {line}: ")
    for name in (*REQUIRED, *OPTIONAL):
        picture = getattr(pair, name)
        if picture and os.path.normpath(picture) in unreadable:
            return f"{name} {picture.name} can't be decoded"
    return ""
