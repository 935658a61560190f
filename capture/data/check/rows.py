"""All rows of a pairs file that can't be used, not only the first one."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from capture.common.errors import CaptureError, Refused
from capture.data.check.findings import Findings, Item
from capture.data.check.inventory import Inventory
from capture.data.check.pictures import Pictures
from capture.io.pairs import HEADER, OPTIONAL, REQUIRED, decode_text, delimiter_of, is_header, with_slashes
from capture.io.pairs import parse_pair as pair_of_row  # the same checks as when the file is read


@dataclass
class PairsFile:
    """A pairs file, row by row.

    Attributes:
        broken: why nothing in it can be used; "" if its header is right and there is a good row.
        refused: whether that is because this user may not read it; the file may be good.
        header: the line of the header, unchanged.
        good: the good rows, unchanged, with their line endings.
        bad: line number -> what is wrong with the row.
    """

    broken: str = ""
    refused: bool = False
    header: str = ""
    good: list[str] = field(default_factory=list)
    bad: dict[int, str] = field(default_factory=dict)


def check_pairs(inventory: Inventory, pictures: Pictures, findings: Findings) -> int:
    """Add findings about the pairs files of the test split; returns the number of good rows in all of them."""
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
    """Read every row of a pairs file of the dataset, even after wrong rows.

    Rows of pictures that this user may not read are good: the pictures may be whole.
    """
    path = inventory.root / name
    broken = pictures.errors.keys() - pictures.refused
    unreadable = {os.path.normpath(inventory.root / inventory.entries[i].path) for i in broken}
    file = PairsFile()
    try:
        text = decode_text(path.read_bytes())
    except UnicodeDecodeError:
        file.broken = "not a text file"
        return file
    except OSError as error:
        file.broken, file.refused = f"can't be read ({error.strerror})", Refused.reading(path, error) is not None
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
    """(number of its last line, text, cells) of every row that isn't blank; cells are None for a row that isn't CSV."""
    lines = list(io.StringIO(text, newline=""))
    rows: list[tuple[int, str, list[str] | None]] = []
    start = 0
    mark = delimiter_of(text)
    reader = csv.reader(lines, delimiter=mark, strict=True)
    try:
        for cells in reader:
            rows.append((reader.line_num, "".join(lines[start : reader.line_num]), cells))
            start = reader.line_num
    except csv.Error:  # an open quote would swallow all following lines, so each line is read alone
        rows = [(number, line, _cells(line, mark)) for number, line in enumerate(lines, 1)]
    for number, raw, row in rows:
        if row is None or any(cell.strip() for cell in row):
            yield number, raw, row


def _cells(line: str, mark: str) -> list[str] | None:
    try:
        return next(csv.reader([line], delimiter=mark, strict=True), [])
    except csv.Error:
        return None


def _why_bad(path: Path, line: int, names: list[str], cells: list[str] | None, unreadable: set[str]) -> str:
    if cells is None:
        return "not valid CSV"
    try:
        pair = pair_of_row(path, line, names, cells)
    except CaptureError as error:
        if len(cells) == len(names) and any(_is_closed(path.parent / with_slashes(cell.strip())) for cell in cells):
            return ""
        return str(error).removeprefix(f"{path} line {line}: ")
    for name in (*REQUIRED, *OPTIONAL):
        picture = getattr(pair, name)
        if picture and os.path.normpath(picture) in unreadable:
            return f"{name} {picture.name} can't be decoded"
    return ""


def _is_closed(picture: Path) -> bool:
    """Whether a picture lies in a folder that this user may not look into."""
    try:
        picture.stat()
    except OSError as error:
        return Refused.reading(picture, error) is not None
    except ValueError:  # a name that no file system takes
        pass
    return False
