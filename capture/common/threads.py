"""How many threads compute, and how they wait for one another, so that programs can share a machine.

The threads of OpenMP, which torch computes with, wait actively by default: they keep a core busy for milliseconds in
which the thread that they wait for may not run, because another program has the other core. Three small trainings at
once on two cores took twenty times as long as they need. `limit_spinning` must run before torch is imported, because
OpenMP reads its environment variables once. `choose_threads` runs afterwards.

What the user set (OMP_NUM_THREADS and the other variables) stays as it is.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Tries before a waiting thread sleeps. GNU's default is 300,000, some 10 ms; a network's layers follow one another in
# a tenth of a millisecond, so that a thread that sleeps at once (OMP_WAIT_POLICY=PASSIVE) makes small networks slower.
SPINS = "20000"
BLOCK_TIME = "1"  # milliseconds, of LLVM's and Intel's OpenMP (macOS, Windows), in place of 200
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
POLICIES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
IDLE_ENOUGH = 0.25  # of all cores: while other programs use less, all cores are taken to be free
CGROUPS = Path("/sys/fs/cgroup")


class _Usage(NamedTuple):
    """Seconds since some time in the past: of the clock, of all cores in use, and of cores that this process used."""

    clock: float
    machine: float
    own: float


_at_start: _Usage | None = None


def limit_spinning() -> None:
    """Have OpenMP's threads sleep soon where they wait; called by a program before it imports torch.

    It also notes how busy the machine is, for `choose_threads`. Where torch is there already, it does nothing.
    """
    global _at_start
    if "torch" in sys.modules:
        return
    if not any(name in os.environ for name in POLICIES):
        os.environ.update(GOMP_SPINCOUNT=SPINS, KMP_BLOCKTIME=BLOCK_TIME)
    _at_start = _usage()


def choose_threads() -> str:
    """Have torch compute with as many threads as there are free cores; called by a program once torch is imported.

    Free are the cores that this process may use (`available_cores`), without those that other programs kept busy since
    `limit_spinning`, which is while torch was imported. With another number of threads the last bits of a result may
    differ: whoever needs the same bits in every case sets OMP_NUM_THREADS. A training stores the number in its
    checkpoints, and `keep_threads` goes on with it.

    Returns:
        One line for the log where other programs or a quota make it fewer threads than torch would take, or else "".
    """
    import torch

    if any(name in os.environ for name in COUNTS):
        return ""
    usual, available, others = torch.get_num_threads(), available_cores(), busy_elsewhere()
    threads = min(usual, free_cores(available, others, os.cpu_count() or 1))
    if threads == usual:
        return ""
    torch.set_num_threads(threads)
    busy = f"other programs use {others:.1f} of {os.cpu_count()} cores"
    why = busy if threads < available else f"a quota of {available} cores"
    return f"note: {threads} of {usual} threads compute ({why}); set OMP_NUM_THREADS to choose their number"


def keep_threads(count: object) -> str:
    """Have torch compute with the number of threads of an interrupted training, whose checkpoint says `count`.

    Where `count` is no number, or more than there are cores, the number stays as it was chosen.

    Returns:
        One line for the log where that is another number than the one in use, or else "".
    """
    import torch

    now = torch.get_num_threads()
    if any(name in os.environ for name in COUNTS) or not isinstance(count, int):
        return ""
    if count == now or not 1 <= count <= available_cores():
        return ""
    torch.set_num_threads(count)
    return f"note: the run goes on with {count} threads, as it began, so that it computes the same bits"


def free_cores(available: int, others: float, cores: int) -> int:
    """Cores to compute on, at least 1, of `available` ones on a machine of `cores`, `others` of which are busy."""
    if others < IDLE_ENOUGH * cores:
        return available
    return max(1, min(available, int(cores - others + IDLE_ENOUGH)))


def available_cores() -> int:
    """Cores that this process may use: its affinity and the quotas of its container allow no more; at least 1."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS, Windows
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *(int(quota) for quota in cpu_quotas())]))


def cpu_quotas(groups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> Iterator[float]:
    """The limits, in cores, that Linux's control groups of version 1 or 2 set to this process.

    Args:
        groups: where they are mounted.  own: the list of the groups that this process is in.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, inside = line.split(":", 2)
        names = controllers.split(",")
        if controllers and "cpu" not in names:
            continue
        roots = (groups / controllers, groups / "cpu") if controllers else (groups, groups / "unified")
        for root in roots:
            # a container may see its own group as the root, and still be told the path that it has outside
            folder = root / os.path.normpath("/" + inside).lstrip("/")
            while True:
                if (quota := _quota(folder)) is not None:
                    yield quota
                if folder == root:
                    break
                folder = folder.parent


def _quota(group: Path) -> float | None:
    """Of one group: cpu.max of version 2 ("200000 100000"), or the two files of version 1; None: no limit."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None


def busy_elsewhere() -> float:
    """How many cores other programs kept busy, on average, since `limit_spinning`; 0 where that is not known."""
    now = _usage()
    if _at_start is None or now is None or now.clock <= _at_start.clock:
        return 0.0
    clock, machine, own = (b - a for a, b in zip(_at_start, now))
    return max(0.0, (machine - own) / clock)


def _usage(stat: Path = Path("/proc/stat")) -> _Usage | None:
    """None without Linux's /proc/stat."""
    try:
        user, _nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    times = os.times()
    own = times.user + times.system + times.children_user + times.children_system
    return _Usage(time.monotonic(), (user + system + irq + softirq + steal) / ticks, own)
