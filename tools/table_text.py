"""The paper's table in words: measured figures beside published ones, and how long the rows take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from capture.evaluation.maps import LABELS
from capture.evaluation.protocol import PUBLISHED, PUBLISHED_NOTE
from capture.evaluation.table import markdown_rows, text_rows
from tools.table_pairs import DRIVEN_BY_POSE
from tools.table_rows import Run

METRICS = {"l1": "L1", "ssim": "SSIM", "lpips": "LPIPS", "fid": "FID"}  # in the order of PUBLISHED
NOT_GIVEN = "not given"
NOT_MEASURED = "n/a"


def beside_the_paper(table: Path, rows: Sequence[tuple[str, str | None]], spent: dict[str, float]) -> str:
    """The measured lines of a table.jsonl, each with the published figures of its method, as Markdown.

    Args:
        rows: (name of a result's folder, name of the method in the paper, or None where the paper has no such row).
        spent: name of a result's folder -> CPU-seconds of its training.
    """
    lines = [json.loads(line) for line in table.read_text().splitlines()]
    papers = dict(rows)
    cells = [["method", "CPU-seconds", *(word for name in METRICS.values() for word in (name, f"{name}, paper"))]]
    known: dict[str, float] = {}
    for line in lines:
        if line["kind"] == "published":
            continue
        result = line["method"].split(" ", 1)[0]
        result = result.removesuffix(DRIVEN_BY_POSE)  # the same run
        paper = papers.get(result)
        row = [line["method"], f"{spent[result]:.0f}" if spent.get(result) else ""]
        for key, published in zip(METRICS, PUBLISHED[paper] if paper else [None] * len(METRICS)):
            value = line.get(key)
            row.append(NOT_MEASURED if value is None else f"{value:.4f}")
            row.append(("" if line["kind"] == "floor" else NOT_GIVEN) if published is None else f"{published:.4f}")
        cells.append(row)
        given_away = f"[{LABELS['target_uv']}]" in line["method"]  # that map is the silhouette of the true target
        if paper and line.get("lpips") is not None and not given_away:
            known[result] = line["lpips"]
    notes = [f"- {PUBLISHED_NOTE.removeprefix('[published] rows are the paper')}"]
    notes[0] = f'- Columns "paper" are the paper{notes[0].removeprefix("- ")}.'
    if len(known) > 1:
        notes.append(f"- {_order(known, papers)}")
    return "\n".join([*markdown_rows(cells), "", *notes]) + "\n"


def _order(measured: dict[str, float], papers: dict[str, str | None]) -> str:
    """The order by LPIPS here and in the paper, of the rows that both have."""
    here = sorted(measured, key=lambda name: measured[name])
    there = sorted({paper for name in measured if (paper := papers[name])}, key=lambda paper: PUBLISHED[paper][2])
    return f"By LPIPS, best first: {', '.join(here)} here; {', '.join(there)} in the paper."


def time_table(measured: Sequence[tuple[Run, float]], finished: int, processes: int) -> str:
    """How long the runs take, a line for each and the sum.

    Args:
        measured: (run, samples a second in one process).  finished: number of runs that are finished already.
        processes: of each run.
    """
    if not measured:
        return "every run is finished; without --dry, all are measured"
    cells, total = [["run", "samples", "samples/s", "time"]], 0.0
    for run, rate in measured:
        samples = run.config["train_config"]["num_epochs"] * run.config["dataset_config"]["samples_per_epoch"]
        total += samples / rate
        cells.append([run.folder.name, f"{samples:,}", f"{rate:.2f}", duration(samples / rate)])
    cells.append(["all", "", "", duration(total)])
    lines = text_rows(cells)
    lines += ["", "Measured with a few updates of each run in one process; validation and the final table come on top."]
    if processes > 1:
        lines.append(
            f"{processes} processes share every batch, so it takes between {duration(total / processes)} and this."
        )
    if finished:
        lines.append(f"{finished} runs are finished and not counted.")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A time as a person says it: 40 s, 12 min, 5.2 h, 3.1 days."""
    for unit, length, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * length:
            number = seconds / length
            return f"{number:.0f} {unit}" if unit != "h" else f"{number:.1f} {unit}"
    return f"{seconds / 86400:.1f} days"
