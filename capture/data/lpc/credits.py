"""The artists of the layers that were used. Their licences require that they are named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from capture.common.errors import CaptureError
from capture.common.files import write_bytes

CREDITS, AUTHORS = "CREDITS.csv", "AUTHORS.txt"


def write_credits(root: Path, files: Iterable[str], out: Path) -> None:
    """Write OUT/CREDITS.csv, the rows of the repository's that are about `files`, and copy its AUTHORS.txt.

    Files that no row is about are listed at the end as such.

    Args:
        root: what `files` are relative to; CREDITS.csv and AUTHORS.txt are in it or beside it.
    """
    files = sorted(set(files))
    for folder in (root, root.parent):
        if (folder / AUTHORS).is_file():
            write_bytes(out / AUTHORS, (folder / AUTHORS).read_bytes())
            break
    path = next((folder / CREDITS for folder in (root, root.parent) if (folder / CREDITS).is_file()), None)
    if path is None:
        return
    header, *rows = _rows(path)
    about: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        about.setdefault(_key(row[0]), []).append(i)
    used: set[int] = set()
    uncredited = []
    for name in files:
        parts = _key(name).split("/")
        found = [i for n in range(1, len(parts) + 1) for i in about.get("/".join(parts[:n]), ())]
        used.update(found)
        if not found:
            uncredited.append(name)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows[i] for i in sorted(used))
    writer.writerows([name, f"not named in {CREDITS}", *[""] * (len(header) - 2)] for name in uncredited)
    write_bytes(out / CREDITS, text.getvalue().encode())


def _key(name: str) -> str:
    """A file or folder of layers, as rows and files are compared."""
    return name.strip().removeprefix("spritesheets/").removesuffix(".png").strip("/")


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
        rows = [[cell.strip() for cell in row] for row in reader if row]
    except (OSError, csv.Error) as error:
        raise CaptureError(f"{path}: can't be read ({error})") from None
    return rows or [["filename", "notes", "authors", "licenses", "urls"]]
