"""Loading batches ahead of the training step: in a thread where batches are cheap to make, else in processes."""

from __future__ import annotations

import contextlib
import queue
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from capture.common.errors import CaptureError
from capture.common.signals import ignore_interrupts
from capture.common.threads import available_cores
from capture.data.sample_source import Batch, SampleSource

AHEAD = 4  # how many batches are kept ready
_DEAD_WORKER = re.compile(r"DataLoader worker \(pid.* (exited unexpectedly|is killed by signal)")


def make_loader(
    source: SampleSource,
    batch_sampler: Iterable[list[int]],
    num_workers: int,
    device: torch.device,
    progress: bool = True,
) -> Iterable[Batch]:
    """Batches of uint8 (B, 3, S, S), one for each list of indices that `batch_sampler` gives, in its order.

    The source is prepared first, which may take minutes the first time. If batches are cheap afterwards, a thread makes
    them, because handing a batch from one process to another would take longer. Otherwise `num_workers` processes make
    them. The batches are the same either way.

    Args:
        num_workers: how many processes render, or decode frames that aren't prepared; 0 for none. No more are started
            than there are cores.
        device: where the batches go next; those for a GPU are put into pinned memory.
        progress: show a progress bar while the source is prepared.
    Raises:
        CaptureError: frames can't be read; from the iterator also: a process died.
    """
    num_workers = min(num_workers, available_cores())  # more would compete for the cores
    if source.use_device(torch.device(device)):
        num_workers = 0
    pin = torch.device(device).type == "cuda"
    if source.prepare(num_workers, progress) or num_workers == 0:
        return _ThreadLoader(source, batch_sampler, pin)
    options = worker_options(num_workers)
    loader = DataLoader(_Batches(source), batch_size=None, sampler=batch_sampler, **options, pin_memory=pin)
    return _ProcessLoader(loader)


def worker_options(processes: int) -> dict[str, Any]:
    """Options of a DataLoader that has so many worker processes."""
    return {
        "num_workers": processes,
        "worker_init_fn": ignore_interrupts,
        "persistent_workers": processes > 0,
    }


class _Batches(Dataset):
    """A dataset whose items are batches."""

    def __init__(self, source: SampleSource):
        self.source = source

    def __getitem__(self, indices: list[int]) -> Batch:
        return self.source.batch(indices)


class _ThreadLoader:
    """Batches from a thread of this process. It mostly copies memory, which doesn't hold up the other threads."""

    def __init__(self, source: SampleSource, batch_sampler: Iterable[list[int]], pin: bool):
        self.source, self.batch_sampler, self.pin = source, batch_sampler, pin

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue = queue.Queue(AHEAD)
        over = threading.Event()
        batches = iter(self.batch_sampler)
        for indices in batches:  # the first batch may start processes, which is safer in the main thread
            ready.put(self._batch(indices))
            break
        thread = threading.Thread(target=self._load, args=(batches, ready, over), name="loader", daemon=True)
        thread.start()
        try:
            while True:
                batch = ready.get()
                if isinstance(batch, BaseException):
                    raise batch
                if batch is None:
                    return
                yield batch
        finally:
            over.set()
            while thread.is_alive():  # it may be waiting for room in the queue
                with contextlib.suppress(queue.Empty):
                    ready.get(timeout=0.05)

    def _batch(self, indices: list[int]) -> Batch:
        batch = self.source.batch(indices)
        if not self.pin:
            return batch
        return {name: value if value.is_cuda else value.pin_memory() for name, value in batch.items()}

    def _load(self, batches: Iterator[list[int]], ready: queue.Queue, over: threading.Event) -> None:
        try:
            for indices in batches:
                ready.put(self._batch(indices))
                if over.is_set():
                    return
            ready.put(None)
        except BaseException as error:  # raised again in the thread that takes the batches
            ready.put(error)


class _ProcessLoader:
    """Batches from the worker processes of a DataLoader."""

    def __init__(self, loader: DataLoader):
        self.loader = loader

    def __iter__(self) -> Iterator[Batch]:
        return from_processes(self.loader)


def from_processes(loader: DataLoader) -> Iterator[Batch]:
    """The items of a DataLoader.

    Raises:
        CaptureError: one of its worker processes died.
    """
    # torch's handler of SIGCHLD raises an error in whatever code runs at that moment; `next` notices soon enough
    child = getattr(signal, "SIGCHLD", None)  # Windows has no such signal
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(child) if main and child else None
    batches = iter(loader)
    if child is not None and before is not None:
        signal.signal(child, before)
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (RuntimeError, OSError, EOFError) as error:
            if not _is_about_dead_worker(error):
                raise
            raise CaptureError(
                f"one of the {loader.num_workers} loader processes was killed, most likely because memory (or "
                "/dev/shm) ran out; lower num_workers or cache_gb, and the same command goes on from the checkpoint"
            ) from None
        yield batch


def _is_about_dead_worker(error: Exception) -> bool:
    """Whether an error of a DataLoader says that a worker is gone, or that a batch was lost with its worker."""
    if isinstance(error, RuntimeError):
        return bool(_DEAD_WORKER.search(str(error)))
    return not str(error).startswith("Caught ")  # the beginning of errors that a living worker reports
