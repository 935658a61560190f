"""Measures groups one after the other within a number of seconds, each in a process of its own.

A process can be ended wherever it is, also while it compiles, and what it takes with it when it dies is its own group.
So there is a table at the end, whatever happens. Every row is given to `report` as soon as it is known.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch

from capture.benchmarks.plan import Group
from capture.benchmarks.turns import Row
from capture.common.device import native_bf16
from capture.common.errors import CaptureError
from capture.common.work import matrix_peak

ENDING = 0.5, 0.02  # s, and share of the budget, kept for ending a process and writing
LATE, DIED = "not measured: the time was over", "not measured: its process died"
Report = Callable[[str, Row], None]


def measure_peaks(device: torch.device) -> dict[str, float]:
    """FLOP/s of matrix products, by precision; bf16 where the machine has it natively."""
    kinds = {"fp32": torch.float32}
    if native_bf16(device):
        kinds["bf16"] = torch.bfloat16
    return {name: matrix_peak(device, dtype) for name, dtype in kinds.items()}


def run_groups(
    groups: list[Group],
    device: torch.device,
    repeats: int,
    peaks: dict[str, float],
    report: Report,
    budget: float | None,
    parts: dict[str, list[Row]],
) -> None:
    """Measure groups in their order.

    Args:
        report: called with the part and a row that is new or better known.
        budget: seconds from now on within which all ends; None: until all is measured.
        parts: gets the rows of every part; a way that there was no time for has a row with a `note`.
    """
    end = None if budget is None else time.monotonic() + budget - max(ENDING[0], ENDING[1] * budget)
    for group in groups:
        rows = parts.setdefault(group.part, [])
        why = LATE
        if end is None or time.monotonic() < end:
            why = _run_one(group, device, repeats, peaks, rows, report, end)
        for row in group.missing(rows, why):
            rows.append(row)
            report(group.part, row)


def _run_one(
    group: Group,
    device: torch.device,
    repeats: int,
    peaks: dict[str, float],
    rows: list[Row],
    report: Report,
    end: float | None,
) -> str:
    """Measure one group into `rows`. Returns why ways that are still missing could not be measured."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    seconds = None if end is None else group.share * (end - time.monotonic())
    process = context.Process(target=_work, args=(theirs, group, device, repeats, peaks, seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            if not ours.poll(None if end is None else max(0.0, end - time.monotonic())):
                return LATE
            try:
                row = ours.recv()
            except EOFError:
                process.join(1)
                return DIED
            if isinstance(row, CaptureError):
                return f"not measured: {row}"
            _replace(rows, row)
            report(group.part, row)
    finally:
        process.kill()
        process.join()
        ours.close()


def _work(
    pipe: Connection,
    group: Group,
    device: torch.device,
    repeats: int,
    peaks: dict[str, float],
    seconds: float | None,
) -> None:
    """The process of a group."""
    until = float("inf") if seconds is None else time.monotonic() + seconds
    try:
        for row in group.measure(device, repeats, peaks, until):
            pipe.send(row)
    except CaptureError as error:
        pipe.send(CaptureError(str(error)))
    except Exception as error:
        pipe.send(CaptureError(" ".join(f"{type(error).__name__}: {error}".split())[:300]))
    finally:
        pipe.close()


def key(row: Row) -> tuple[Any, ...]:
    """What a row is about: its texts and the sizes that it was measured with."""
    return tuple(row.get(name) for name in ("subject", "batch", "way", "name", "size", "side"))


def _replace(rows: list[Row], row: Row) -> None:
    """Put a row in the place of an older one about the same thing, or at the end; a measured one is not forgotten."""
    for i, old in enumerate(rows):
        if key(old) == key(row):
            if "ms" not in old or row.get("repeats", 0) >= old.get("repeats", 0):
                rows[i] = row
            return
    rows.append(row)
