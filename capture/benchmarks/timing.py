"""Clocks: medians of repeats with their spread, and peak memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from capture.common.memory import keep_freed_memory


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: median, fastest and slowest of the repeats; MB that it took beyond what was there before."""

    median: float
    low: float
    high: float
    peak_mb: float

    @property
    def spread(self) -> str:
        return f"{self.low * 1e3:.0f} to {self.high * 1e3:.0f} ms"


def compare(
    ways: dict[str, Callable[[], Any]], repeats: int, device: torch.device, warm_up: int = 1
) -> dict[str, Timing]:
    """Time several ways of doing one thing in turns, so that what else the machine does falls on all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(warm_up + repeats):
        for name, run in ways.items():
            taken = clock(run, device)
            if round_number >= warm_up:
                seconds[name].append(taken)
    return {n: Timing(statistics.median(s), min(s), max(s), _memory(ways[n], device)) for n, s in seconds.items()}


def _memory(run: Callable[[], Any], device: torch.device) -> float:
    """MB that one more call takes beyond what is there before it."""
    keep_freed_memory(device, False)  # what is kept from earlier calls would hide it
    reset_peak(device)
    before = peak_mb(device)
    run()
    taken = peak_mb(device) - before
    keep_freed_memory(device)
    return taken


def as_the_system_has_it(run: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """`run` under the system's own rule for freed memory, which the release never changed."""

    def plainly() -> Any:
        keep_freed_memory(device, False)
        try:
            return run()
        finally:
            keep_freed_memory(device)

    return plainly


def clock(run: Callable[[], Any], device: torch.device) -> float:
    """Seconds of one call."""
    _wait(device)
    start = time.perf_counter()
    run()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak(device: torch.device) -> None:
    """Start measuring peak memory anew (Linux: of this process; CUDA: of its tensors)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # elsewhere the peak is the process's own, since it began
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
