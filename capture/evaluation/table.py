"""The table in the paper's shape, as text, Markdown, CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from capture.evaluation.significance import BEST, TIED, Certainty
from capture.metrics.choice import DEFAULT, EXPLAINED, columns

COLUMNS = columns(DEFAULT)  # key -> heading
LEGEND = "L1, LPIPS, FID: lower is better. SSIM: higher is better. fg: on the foreground only."
MARKS = {BEST: "*", TIED: "~"}
MARKS_LEGEND = {
    "text": "*: better than every other measured row by the paired test.",
    "markdown": "Bold: better than every other measured row by the paired test.",
}
TIED_LEGEND = "~: the rows that lead and that the test cannot tell apart."


@dataclass
class Line:
    """A line of the table.

    Attributes:
        method: the name of the method.  kind: floor, result, prediction or published.
        pairs: number of measured pairs; None where it is not known.
        cells: key of COLUMNS -> number; a number that is missing or NaN was not measured.
        notes: key of COLUMNS, or "method" -> footnote.
        certainty: intervals and marks; None for a table without them.
    """

    method: str
    kind: str
    pairs: int | None
    cells: dict[str, float]
    notes: dict[str, str] = field(default_factory=dict)
    certainty: Certainty | None = None

    def half_width(self, key: str) -> float | None:
        """Half the width of the metric's interval; None where it has none."""
        interval = self.certainty and self.certainty.intervals.get(key)
        return (interval[1] - interval[0]) / 2 if interval else None

    def mark(self, key: str) -> str:
        """best, tied, or "" for a number without a mark."""
        return self.certainty.marks.get(key, "") if self.certainty else ""

    def number(self, key: str) -> float | None:
        value = self.cells.get(key, math.nan)
        return None if math.isnan(value) else value


@dataclass
class Table:
    """The lines of the table, the protocol of the measurement, and remarks on the whole table.

    Attributes:
        columns: key -> heading.
    """

    lines: list[Line]
    protocol: dict[str, str]
    remarks: list[str]
    columns: dict[str, str] = field(default_factory=lambda: COLUMNS)

    @property
    def is_certain(self) -> bool:
        """Whether rows have intervals and marks."""
        return any(line.certainty for line in self.lines)

    def legend(self, form: str = "text") -> str:
        """What the columns and marks mean, for a table as text or as Markdown."""
        parts = [LEGEND, *(words for key, words in EXPLAINED.items() if key in self.columns)]
        marks = {line.mark(key) for line in self.lines for key in self.columns}
        if BEST in marks:
            parts.append(MARKS_LEGEND[form])
        if TIED in marks:
            parts.append(TIED_LEGEND)
        return " ".join(parts)

    def _cells(self, bold: str = "") -> tuple[list[list[str]], list[str]]:
        """The text of all cells, with the headings first, and the footnotes that cells refer to.

        Args:
            bold: what stands around a number that the test supports; "": a star stands behind it.
        """
        footnotes: list[str] = []

        def mark(note: str | None) -> str:
            if not note:
                return ""
            if note not in footnotes:
                footnotes.append(note)
            return f" ({footnotes.index(note) + 1})"

        rows = [["method", *self.columns.values(), "pairs"]]
        for line in self.lines:
            published = line.kind == "published"
            row = [("[published] " if published else "") + line.method + mark(line.notes.get("method"))]
            for key in self.columns:
                value = line.number(key)
                text = f"{value:.4f}" if value is not None else ("-" if published else "n/a")
                if value is not None:
                    state = line.mark(key)
                    text = bold + text + bold if bold and state == BEST else text + MARKS.get(state, "")
                    text += plus_minus(line.half_width(key))
                row.append(text + mark(line.notes.get(key)))
            rows.append([*row, "-" if line.pairs is None else str(line.pairs)])
        return rows, [f"({i + 1}) {note}" for i, note in enumerate(footnotes)]

    def text(self) -> str:
        """The table as plain text, for a terminal."""
        rows, footnotes = self._cells()
        lines = text_rows(rows)
        width = max(map(len, self.protocol))
        protocol = [f"  {what.ljust(width)}  {how}" for what, how in self.protocol.items()]
        return "\n".join([*lines, "", self.legend(), *footnotes, *self.remarks, "", "Protocol", *protocol]) + "\n"

    def markdown(self) -> str:
        """The table as Markdown."""
        rows, footnotes = self._cells(bold="**")
        lines = markdown_rows(rows)
        notes = [f"- {note}" for note in (*footnotes, *self.remarks)]
        protocol = [f"- **{what}**: {how}" for what, how in self.protocol.items()]
        return "\n".join([*lines, "", self.legend("markdown"), "", *notes, "", "Protocol", "", *protocol]) + "\n"

    def csv(self) -> str:
        """The table as CSV: numbers in full precision, empty cells for numbers that were not measured.

        A table with intervals has further columns behind: <metric>_low, <metric>_high, <metric>_mark and <metric>_p.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        further = self.columns if self.is_certain else ()
        names = [f"{key}_{what}" for key in further for what in ("low", "high", "mark", "p")]
        writer.writerow(["method", "kind", *self.columns, "pairs", *names])
        for line in self.lines:
            behind: list[object] = []
            for key in further:
                sure = line.certainty or Certainty()
                low, high = sure.intervals.get(key, ("", ""))
                behind += [low, high, sure.marks.get(key, ""), sure.p_values.get(key, "")]
            writer.writerow([line.method, line.kind, *(line.number(key) for key in self.columns), line.pairs, *behind])
        return out.getvalue()

    def jsonl(self) -> str:
        """The table as JSON lines: an object for each row, which includes the protocol."""
        shared = {"remarks": self.remarks, "protocol": self.protocol}
        return "".join(
            json.dumps(
                {
                    "method": line.method,
                    "kind": line.kind,
                    **{key: line.number(key) for key in self.columns},
                    "pairs": line.pairs,
                    "notes": line.notes,
                    **(asdict(line.certainty) if line.certainty else {}),
                    **({} if line.kind == "published" else shared),
                }
            )
            + "\n"
            for line in self.lines
        )


def plus_minus(half_width: float | None) -> str:
    """An interval as it stands behind a number: " ±0.004", with a fourth digit where it is needed; "" for None."""
    if half_width is None:
        return ""
    return f" ±{half_width:.3f}" if half_width >= 0.0015 else f" ±{half_width:.4f}"


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
