"""Worker processes that prepare a dataset; when they end, no partial file and no process is left."""

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

from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.threads import available_cores

Results = Generator[Any, None, None]

_stop: Any = None


class WorkerDied(CaptureError):
    """The system killed a worker process."""


def stopping() -> bool:
    """Whether the job that calls this, in a worker process, should end after its current file."""
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
        run: carries out one job and returns how many `unit`s it was. A function of a module, so that it can be pickled.
        root: the folder that is written. Partial files that a killed run left in it are removed.
        workers: number of processes. None: one for each core; 1: this process does the work.
        done, total: number of `unit`s before the first job and after the last one. None: one `unit` for each job.
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
    """Carry out `jobs` that write no files, as `work` does, and yield the result of each when it is finished.

    Args:
        run: carries out one job and returns how many `unit`s it was, and its result.
        name: the title of the progress bar.
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
    """The results of the jobs, in the order in which they finish."""
    workers = min(workers or available_cores(), len(jobs))
    return _here(run, jobs) if workers <= 1 else _apart(run, jobs, workers)


def _here(run: Callable[[Any], Any], jobs: Sequence[Any]) -> Results:
    torch = sys.modules.get("torch")  # jobs that do not compute with it do without
    threads = torch.get_num_threads() if torch else 1
    if torch:
        torch.set_num_threads(1)
    try:
        yield from map(run, jobs)
    finally:
        if torch:
            torch.set_num_threads(threads)


def _apart(run: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Results:
    """The results of jobs that run in worker processes. All workers have ended when this generator ends."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _start_worker, (stop,))
    try:
        with _children_ignore_interrupts():
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
def _children_ignore_interrupts() -> Iterator[None]:
    """Processes that are started within ignore Ctrl-C from their start; the parent process handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a new program inherits this
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(stop: Any) -> None:
    global _stop
    _stop = stop
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # for torch, where a job imports it
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
