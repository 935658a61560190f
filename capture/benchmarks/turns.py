"""Ways of doing one thing that take turns, so that what else the machine does falls on all of them.

A row is reported as soon as its way has run once, and again after every round, with the median so far.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from capture.benchmarks.timing import clock
from capture.common.errors import CaptureError
from capture.common.work import Work, count_work

Run = Callable[[], Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way of doing something.

    Attributes:
        name: in the table.
        make: sets it up (loads, exports, compiles) and returns the call that is timed.
        counted: the call whose operators and FLOP count; None: the timed call itself. Compiled and exported code is
            not seen into, so its work is that of the eager call.
        precision: fp32 or bf16, whose matrix peak `share of peak` refers to; "": that column stays empty.
        calls: batches in a timed call, where single ones can't be timed because they overlap.
    """

    name: str
    make: Callable[[], Run]
    counted: Callable[[], Run] | None = None
    precision: str = "fp32"
    calls: int = 1


@dataclass
class _Timed:
    """A way that was set up."""

    way: Way
    run: Run
    work: Work | None
    seconds: list[float]


def take_turns(
    ways: list[Way], items: int, repeats: int, device: torch.device, peaks: dict[str, float], until: float = 1e18
) -> Iterator[Row]:
    """Rows of some ways, of which the first is what the others are compared with.

    Args:
        items: pictures or samples of one call, or of one batch of it.
        repeats: rounds; the first one has only just warmed up.
        peaks: FLOP/s of matrix products by precision.
        until: on time.monotonic's clock; no round begins that would probably end later, except for the first.
    Yields:
        way, ms (an item, the median), per_second, times_baseline, low_ms, high_ms, repeats, gflop (an item),
        share_of_peak, operators (a call); or way and `note`, where a way can't be measured here.
    """
    timed: list[_Timed] = []
    for way in ways:
        try:
            run = way.make()
            run()  # warms up, and compiles
            work = _work_of(way, run)
            timed.append(_Timed(way, run, work, [clock(run, device)]))
        except (CaptureError, ImportError, NotImplementedError) as error:
            yield {"way": way.name, "note": f"not measured: {' '.join(str(error).split())}"}
            continue
        yield _row(timed[-1], timed[0], items, peaks)
    for _ in range(repeats - 1):
        if time.monotonic() + sum(statistics.median(one.seconds) for one in timed) > until:
            return
        for one in timed:
            one.seconds.append(clock(one.run, device))
        for one in timed:
            yield _row(one, timed[0], items, peaks)


def _work_of(way: Way, run: Run) -> Work | None:
    if not way.precision:
        return None
    return count_work(way.counted() if way.counted else run)[0]


def _row(one: _Timed, baseline: _Timed, items: int, peaks: dict[str, float]) -> Row:
    median = statistics.median(one.seconds)
    items *= one.way.calls
    row: Row = {
        "way": one.way.name,
        "ms": median / items * 1e3,
        "per_second": items / median,
        "times_baseline": statistics.median(baseline.seconds) / baseline.way.calls / (median / one.way.calls),
        "low_ms": min(one.seconds) / items * 1e3,
        "high_ms": max(one.seconds) / items * 1e3,
        "repeats": len(one.seconds),
    }
    if one.work is not None:
        row["gflop"] = one.work.flop / items / 1e9
        if one.way.precision in peaks:
            row["share_of_peak"] = one.work.utilisation(median, peaks[one.way.precision])
        if one.way.counted is None:
            row["operators"] = one.work.operators // one.way.calls
    return row
