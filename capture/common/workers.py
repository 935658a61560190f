"""Processes that prepare a data set together and leave nothing behind: no partial file, no orphan."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from capture.common.errors import CaptureError

Results = Generator[Any, None, None]

_stop: Any = None


class WorkerDied(CaptureError):
    """The system ended one of the processes."""


def stopping() -> bool:
    """Whether the job that asks, in its worker, should end after the file at hand."""
    return _stop is not None and _stop.is_set()


def work(
    run: Callable[[Any], int],
    jobs: Sequence[Any],
    root: Path,
    workers: int | None = None,
    done: int = 0,
    total: int | None = None,
    unit: str = "frame",
    progress: bool = True,
) -> None:
    """Carry out `jobs` in processes of one thread each, with a progress bar on stderr.

    Args:
        run: carries out one job and returns how many `unit`s it was; a function of a module, so that it can be sent.
        root: the folder being written, swept of what a killed run was in the middle of.
        workers: processes; None is one a core, 1 is this process.
        done, total: `unit`s before and after all jobs (None: one a job).
    Raises:
        CaptureError: from a job, or because a worker died.
    """
    _sweep(root)
    bar = tqdm(total=total or len(jobs), initial=done, desc=root.name, unit=unit, disable=not progress, file=sys.stderr)
    try:
        with bar, contextlib.closing(_finished(run, jobs, workers)) as finished:
            for count in finished:
                bar.update(count)
    finally:
        _sweep(root)


def gather(
    run: Callable[[Any], tuple[int, Any]],
    jobs: Sequence[Any],
    name: str,
    workers: int | None = None,
    total: int | None = None,
    unit: str = "frame",
    progress: bool = True,
) -> Iterator[Any]:
    """Carry out `jobs` that find something out and write nothing, as `work` does; what each found, as they finish.

    Args:
        run: carries out one job and returns how many `unit`s it was, and what it found.
        name: beside the progress bar.
        workers, total: see work.
    Raises:
        CaptureError: from a job, or because a worker died.
    """
    bar = tqdm(total=total or len(jobs), desc=name, unit=unit, disable=not progress, file=sys.stderr)
    with bar, contextlib.closing(_finished(run, jobs, workers)) as finished:
        for count, found in finished:
            bar.update(count)
            yield found


def _sweep(root: Path) -> None:
    for path in root.rglob(".*.partial"):
        path.unlink(missing_ok=True)


def _finished(run: Callable[[Any], Any], jobs: Sequence[Any], workers: int | None) -> Results:
    """What each job returns, as they finish."""
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    return _here(run, jobs) if workers <= 1 else _apart(run, jobs, workers)


def _here(run: Callable[[Any], Any], jobs: Sequence[Any]) -> Results:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from map(run, jobs)
    finally:
        torch.set_num_threads(threads)


def _apart(run: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Results:
    """The same in other processes; on any exit no worker is left."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _start_worker, (stop,))
    try:
        with _deaf_children():
            futures = [pool.submit(run, job) for job in jobs]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()
    except concurrent.futures.process.BrokenProcessPool:
        raise WorkerDied(
            "a worker process died (out of memory?); run the same command again with fewer --workers"
        ) from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started within ignore Ctrl-C from their first instruction on; only the parent decides."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a new program inherits
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(stop: Any) -> None:
    global _stop
    _stop = stop
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
