"""The table of a suite: a line for each dataset and result, and the worst style of each result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from capture.evaluation.table import markdown_rows, text_rows

HEADINGS = ("dataset", "family", "held out", "method", "L1", "SSIM", "LPIPS", "better floor", "share", "pairs")
LEGEND = (
    "share: LPIPS of the method as a share of the better floor's, which is the identity or the pose returned unchanged "
    "(i, p). Lower is better; 100 % is no better than copying."
)


@dataclass(frozen=True)
class SuiteLine:
    """A result on a dataset. A number that was not measured is None.

    Attributes:
        held_out: characters, or pack.
        floor_lpips: the smaller LPIPS of the two floors.  floor: the name of that floor.
    """

    dataset: str
    family: str
    held_out: str
    method: str
    pairs: int
    l1: float | None
    ssim: float | None
    lpips: float | None
    floor_lpips: float | None
    floor: str

    @property
    def share(self) -> float | None:
        """LPIPS divided by the better floor's; None where LPIPS was not measured or the floor is 0."""
        return self.lpips / self.floor_lpips if self.lpips is not None and self.floor_lpips else None


@dataclass(frozen=True)
class SuiteTable:
    """The lines of a suite, and the names of its datasets that were not there."""

    lines: Sequence[SuiteLine]
    missing: Sequence[str]

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(line.method for line in self.lines))

    def worst(self, method: str) -> SuiteLine | None:
        """The line of a method with the greatest share; None where no share is known."""
        known = [line for line in self.lines if line.method == method and line.share is not None]
        return max(known, key=lambda line: line.share or 0.0, default=None)

    def text(self) -> str:
        """The table as plain text, and the worst style last."""
        return "\n".join([*text_rows(self._rows()), "", LEGEND, *self._remarks(), *self._worst()]) + "\n"

    def markdown(self) -> str:
        """The table as Markdown, and the worst style last."""
        notes = [f"- {note}" for note in (*self._remarks(), *self._worst())]
        return "\n".join([*markdown_rows(self._rows()), "", LEGEND, "", *notes]) + "\n"

    def csv(self) -> str:
        """The table as CSV: numbers in full precision, empty cells for numbers that were not measured."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*(field.name for field in fields(SuiteLine)), "share"])
        writer.writerows([*asdict(line).values(), line.share] for line in self.lines)
        return out.getvalue()

    def jsonl(self) -> str:
        """The table as JSON lines: an object for each line, `worst` where it is its method's worst style."""
        worst = [self.worst(method) for method in self.methods]
        return "".join(
            json.dumps({**asdict(line), "share": line.share, "worst": line in worst, "missing": list(self.missing)})
            + "\n"
            for line in self.lines
        )

    def _rows(self) -> list[list[str]]:
        rows = [list(HEADINGS)]
        for line in self.lines:
            floor = "n/a" if line.floor_lpips is None else f"{line.floor_lpips:.4f} {line.floor[0]}"
            numbers = ["n/a" if value is None else f"{value:.4f}" for value in (line.l1, line.ssim, line.lpips)]
            share = "n/a" if line.share is None else f"{line.share:.0%}"
            rows.append(
                [line.dataset, line.family, line.held_out, line.method, *numbers, floor, share, str(line.pairs)]
            )
        return rows

    def _remarks(self) -> list[str]:
        return [f"not measured, because missing: {', '.join(self.missing)}"] if self.missing else []

    def _worst(self) -> list[str]:
        lines = []
        for method in self.methods:
            worst = self.worst(method)
            if worst is None or worst.share is None:
                lines.append(f"worst style of {method}: not known, because LPIPS was not measured")
            else:
                lines.append(f"worst style of {method}: {worst.dataset}, {worst.share:.0%} of the better floor")
        return lines
