"""The table in the paper's shape, as text, Markdown, CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

COLUMNS = {  # key -> heading
    "l1": "L1",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "fid": "FID",
    "l1_foreground": "L1 fg",
    "ssim_foreground": "SSIM fg",
}
LEGEND = "L1, LPIPS, FID: lower is better. SSIM: higher is better. fg: on the foreground only."


@dataclass
class Line:
    """A line of the table.

    Attributes:
        method: the name of the method.  kind: floor, result, prediction or published.
        pairs: number of measured pairs; None where it is not known.
        cells: key of COLUMNS -> number; a number that is missing or NaN was not measured.
        notes: key of COLUMNS, or "method" -> footnote.
    """

    method: str
    kind: str
    pairs: int | None
    cells: dict[str, float]
    notes: dict[str, str] = field(default_factory=dict)

    def number(self, key: str) -> float | None:
        value = self.cells.get(key, math.nan)
        return None if math.isnan(value) else value


@dataclass
class Table:
    """The lines of the table, the protocol of the measurement, and remarks on the whole table."""

    lines: list[Line]
    protocol: dict[str, str]
    remarks: list[str]

    def _cells(self) -> tuple[list[list[str]], list[str]]:
        """The text of all cells, with the headings first, and the footnotes that cells refer to."""
        footnotes: list[str] = []

        def mark(note: str | None) -> str:
            if not note:
                return ""
            if note not in footnotes:
                footnotes.append(note)
            return f" ({footnotes.index(note) + 1})"

        rows = [["method", *COLUMNS.values(), "pairs"]]
        for line in self.lines:
            published = line.kind == "published"
            row = [("[published] " if published else "") + line.method + mark(line.notes.get("method"))]
            for key in COLUMNS:
                value = line.number(key)
                text = f"{value:.4f}" if value is not None else ("-" if published else "n/a")
                row.append(text + mark(line.notes.get(key)))
            rows.append([*row, "-" if line.pairs is None else str(line.pairs)])
        return rows, [f"({i + 1}) {note}" for i, note in enumerate(footnotes)]

    def text(self) -> str:
        """The table as plain text, for a terminal."""
        rows, footnotes = self._cells()
        lines = text_rows(rows)
        width = max(map(len, self.protocol))
        protocol = [f"  {what.ljust(width)}  {how}" for what, how in self.protocol.items()]
        return "\n".join([*lines, "", LEGEND, *footnotes, *self.remarks, "", "Protocol", *protocol]) + "\n"

    def markdown(self) -> str:
        """The table as Markdown."""
        rows, footnotes = self._cells()
        lines = markdown_rows(rows)
        notes = [f"- {note}" for note in (*footnotes, *self.remarks)]
        protocol = [f"- **{what}**: {how}" for what, how in self.protocol.items()]
        return "\n".join([*lines, "", LEGEND, "", *notes, "", "Protocol", "", *protocol]) + "\n"

    def csv(self) -> str:
        """The table as CSV: numbers in full precision, empty cells for numbers that were not measured."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["method", "kind", *COLUMNS, "pairs"])
        for line in self.lines:
            writer.writerow([line.method, line.kind, *(line.number(key) for key in COLUMNS), line.pairs])
        return out.getvalue()

    def jsonl(self) -> str:
        """The table as JSON lines: an object for each row, which includes the protocol."""
        shared = {"remarks": self.remarks, "protocol": self.protocol}
        return "".join(
            json.dumps(
                {
                    "method": line.method,
                    "kind": line.kind,
                    **{key: line.number(key) for key in COLUMNS},
                    "pairs": line.pairs,
                    "notes": line.notes,
                    **({} if line.kind == "published" else shared),
                }
            )
            + "\n"
            for line in self.lines
        )


def text_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of plain text with aligned columns; the first row has the headings."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def markdown_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; the first row has the headings."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return lines


def mean(values: Sequence[float]) -> float:
    """The mean of the values that are not NaN; NaN where there are none."""
    known = [v for v in values if not math.isnan(v)]
    return math.fsum(known) / len(known) if known else math.nan
