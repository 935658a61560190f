"""From measured numbers to the table: means, FID, intervals and marks, and what a reader must be told."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from capture.evaluation.measure import Measured, Row
from capture.evaluation.protocol import PUBLISHED, PUBLISHED_NOTE
from capture.evaluation.significance import Certainty, judge
from capture.evaluation.table import Line, Table, mean
from capture.metrics.choice import DEFAULT, LOWER_IS_BETTER, columns, per_pair_keys
from capture.metrics.frechet import ENOUGH, frechet_distance

_NO_FOREGROUND = "the other targets have neither a mask nor one background colour, or no foreground that counts"
_NO_PARTS = "in the others no part is found in both pictures"
LACKING = {  # column -> why some pairs have no number
    **dict.fromkeys(("l1_foreground", "ssim_foreground"), _NO_FOREGROUND),
    **dict.fromkeys(("pose_error", "parts_missed", "identity_error"), _NO_PARTS),
}


def tabulate(
    rows: Sequence[Row],
    measured: Sequence[Measured],
    reference: Tensor | None,
    how: dict[str, str],
    missing: dict[str, str],
    remarks: Sequence[str] = (),
    metrics: Sequence[str] = DEFAULT,
    intervals: bool = False,
) -> Table:
    """The table of the measured rows, followed by the published rows.

    Args:
        reference: the targets' features; None where FID is not measured.  how: the protocol.
        missing: key of a column -> why it has no number.  remarks: lines to print below the table.
        metrics: names in capture.metrics.choice.METRICS.  intervals: whether rows have intervals and marks.
    """
    lines = [_line(row, numbers, reference, missing) for row, numbers in zip(rows, measured)]
    if intervals:
        for line, certainty in zip(lines, _certainty(rows, measured, per_pair_keys(metrics))):
            line.certainty = certainty
    lines += [
        Line(name, "published", None, dict(zip(("l1", "ssim", "lpips", "fid"), values)))
        for name, values in PUBLISHED.items()
    ]
    remarks = [PUBLISHED_NOTE, *remarks]
    if reference is not None and len(reference) < ENOUGH:
        remarks.append(
            f"warning: FID of {len(reference)} pairs is biased upwards (it wants {ENOUGH:,} or more): "
            "compare it only with FID of the very same pairs"
        )
    return Table(lines, how, remarks, columns(metrics))


def _line(row: Row, numbers: Measured, reference: Tensor | None, missing: dict[str, str]) -> Line:
    n = len(numbers.values)
    cells = {key: mean(column) for key, column in zip(numbers.columns, numbers.values.T.tolist())}
    notes = dict(missing) | ({"method": row.note} if row.note else {})
    for key in numbers.columns:
        known = int((~numbers.column(key).isnan()).sum())
        if known < n and key in LACKING and key not in missing:
            notes[key] = f"on {known} of {n} pairs; {LACKING[key]}"
    if numbers.features is not None and reference is not None:
        cells["fid"] = frechet_distance(reference, numbers.features)
    cells["kid"] = numbers.kid
    return Line(row.name, row.kind, n, cells, notes)


def _certainty(rows: Sequence[Row], measured: Sequence[Measured], keys: Sequence[str]) -> list[Certainty]:
    """Intervals of every row, and marks among the rows that are not the answer itself."""
    chosen = [
        numbers.values[:, [numbers.columns.index(key) for key in keys if key in numbers.columns]]
        for numbers in measured
    ]
    keys = [key for key in keys if measured and key in measured[0].columns]
    judged = judge([values for row, values in zip(rows, chosen) if not row.is_answer], keys, LOWER_IS_BETTER)
    rest = iter(judged)
    return [Certainty() if row.is_answer else next(rest) for row in rows]
