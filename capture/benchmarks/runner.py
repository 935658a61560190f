"""Measures groups one after the other within a number of seconds, each in a process of its own.

A process can be ended wherever it is, also while it compiles, and what it takes with it when it dies is its own group.
So there is a table at the end, whatever happens. Every row is given to `report` as soon as it is known. The processes
that a group starts are ended with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from capture.benchmarks.plan import Group
from capture.benchmarks.turns import Row
from capture.common.device import native_bf16
from capture.common.errors import CaptureError
from capture.common.work import matrix_peak

LOOK_EVERY = 1.0  # s between two looks at whether a group's process lives
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
    # not daemonic: such a process may not start others, which a group may have to
    process = context.Process(target=_work, args=(theirs, group, device, repeats, peaks, seconds), daemon=False)
    try:
        process.start()
        theirs.close()
        while True:
            left = LOOK_EVERY if end is None else end - time.monotonic()
            alive = process.is_alive()
            if not ours.poll(max(0.0, min(LOOK_EVERY, left))):
                if not alive:  # and what it started keeps the pipe open
                    return DIED
                if left <= 0:
                    return LATE
                continue
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
        _end(process)
        ours.close()


def _end(process: BaseProcess) -> None:
    """End a group's process and the processes that it started."""
    if process.pid is None:  # it was not started
        return
    if hasattr(os, "killpg"):
        # it has not begun with its work, and started nothing; or has ended, which macOS says by PermissionError
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _end_with_parent() -> None:
    """Be the first of a process group, which Ctrl-C does not reach, and end all of it when the parent process ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is the process of a group
    if hasattr(os, "killpg"):
        os.setsid()

    def follow() -> None:
        parent.join()
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _work(
    pipe: Connection,
    group: Group,
    device: torch.device,
    repeats: int,
    peaks: dict[str, float],
    seconds: float | None,
) -> None:
    """The process of a group."""
    _end_with_parent()
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
