"""The tables of docs/PERFORMANCE.md: one for each machine, between comments that name it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from capture.benchmarks.plan import TABLED
from capture.benchmarks.report import comparison_table, table
from capture.common.errors import CaptureError
from capture.common.files import write_bytes

BEGIN, END = "<!-- machine: {name} -->", "<!-- end of machine -->"
PLACE = "<!-- tables of machines -->"  # new machines' tables come after this line


def machine_title(about: dict[str, Any]) -> str:
    """The machine's name as a heading: processor, cores, instruction sets, torch."""
    sets = f", {about['instructions']}" if about["instructions"] else ""
    return f"{about['name']}, {about['cores']} cores{sets}, torch {about['torch']}"


def section(results: dict[str, Any]) -> str:
    """What was measured on one machine, in Markdown."""
    lines = [f"### {machine_title(results['machine'])}", ""]
    took = f" in {results['seconds']:.0f} seconds" if "seconds" in results else ""
    peaks = ", ".join(f"{value / 1e9:.0f} GFLOP/s in {name}" for name, value in results.get("peaks", {}).items())
    threads = results["machine"]["threads"]
    lines += [f"Written by one run of `benchmark.py`{took}, with {threads} thread{'s' if threads > 1 else ''}."]
    lines += [f"Peaks of matrix products: {peaks}."] if peaks else []
    for part, rows in results["parts"].items():
        known = [row for row in rows if "note" not in row]
        lines += ["", f"**{part}**"] if rows else []
        if known:
            lines += ["", comparison_table(known) if part in TABLED else table(known)]
        if len(known) < len(rows):
            lines += ["", _unmeasured([row for row in rows if "note" in row])]
    return "\n".join(lines)


def _unmeasured(rows: list[dict[str, Any]]) -> str:
    """What there are no figures of: a list for each reason, with a line for each subject and batch.

    The row of a whole part has a reason alone.
    """
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        subjects = reasons.setdefault(row["note"], {})
        if "subject" in row:
            subjects.setdefault(f"{row['subject']}, batch {row['batch']}", []).append(row["way"])
    lists = []
    for reason, subjects in reasons.items():
        lines = [f"- {subject}: {'; '.join(ways)}" for subject, ways in subjects.items()]
        lists.append("\n".join([f"{reason[0].upper()}{reason[1:]}{':' if lines else ''}", "", *lines]).strip())
    return "\n\n".join(lists)


def read_page(path: Path) -> str:
    """The text of a page that has a place for tables.

    Raises:
        CaptureError: the page can't be read, is not UTF-8, or has no place for tables.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CaptureError(f"{path}: not a text file in UTF-8; give a Markdown page in that encoding") from None
    if PLACE not in text:
        raise CaptureError(f"{path}: no place for tables in this page; put the line {PLACE} where they belong")
    return text


def put_into_page(path: Path, results: dict[str, Any]) -> None:
    """Put a machine's section into a page, in the place of the one that the same machine has there.

    Raises:
        CaptureError: the page can't be read or written, is not UTF-8, or has no place for tables.
    """
    text = read_page(path)
    begin = BEGIN.format(name=machine_title(results["machine"]))
    block = f"{begin}\n{section(results)}\n{END}"
    old = re.compile(re.escape(begin) + r"\n.*?" + re.escape(END), re.DOTALL)
    if old.search(text):
        text = old.sub(lambda _: block, text, count=1)
    else:
        text = text.replace(PLACE, f"{PLACE}\n\n{block}", 1)
    write_bytes(path, text.encode())
