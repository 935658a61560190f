"""Batches ahead of the training step: from a thread where frames are prepared, else from processes that decode them."""

from __future__ import annotations

import contextlib
import queue
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from capture.common.errors import CaptureError
from capture.common.signals import ignore_interrupts
from capture.common.threads import available_cores

AHEAD = 4  # batches that wait, ready
_DEAD_WORKER = re.compile(r"DataLoader worker \(pid.* (exited unexpectedly|is killed by signal)")

Batch = dict[str, Tensor]


def make_loader(
    dataset: Dataset,
    batch_sampler: Iterable[list[int]],
    num_workers: int,
    device: torch.device,
    progress: bool = True,
) -> Iterable[Batch]:
    """Batches of uint8 (B, 3, S, S) for the lists of indices that `batch_sampler` gives, in its order.

    A dataset with `prepare` and `batch` (frames, toon) is prepared here and now, which may take
    minutes the first time; then copying a batch out of memory takes less time than handing it from one process to
    another. The batches are the same whichever way they come.

    Args:
        num_workers: processes that draw, or load where frames aren't prepared; no more than there are cores; 0: none.
        device: where the batches go next: those for a GPU are pinned.
        progress: show a bar while preparing.
    Raises:
        CaptureError: frames that can't be read; and from the iterator, a process that died.
    """
    num_workers = min(num_workers, available_cores())  # more only get in one another's way
    pin = torch.device(device).type == "cuda"
    whole = hasattr(dataset, "batch")
    prepared = hasattr(dataset, "prepare") and dataset.prepare(num_workers, progress)
    if whole and (prepared or num_workers == 0):
        return _Thread(dataset, batch_sampler, pin)
    batching = {"batch_size": None, "sampler": batch_sampler} if whole else {"batch_sampler": batch_sampler}
    loader = DataLoader(
        _Batches(dataset) if whole else dataset, **batching, **worker_options(num_workers), pin_memory=pin
    )
    return _Processes(loader)


def worker_options(processes: int) -> dict[str, Any]:
    """Of a DataLoader with so many processes of its own."""
    return {
        "num_workers": processes,
        "worker_init_fn": ignore_interrupts,
        "persistent_workers": processes > 0,
    }


class _Batches(Dataset):
    """A dataset whose items are batches."""

    def __init__(self, dataset: Any):
        self.dataset = dataset

    def __getitem__(self, indices: list[int]) -> Batch:
        return self.dataset.batch(indices)


class _Thread:
    """Batches from a thread of this process; most of its time goes by in copies that let others run."""

    def __init__(self, dataset: Any, batch_sampler: Iterable[list[int]], pin: bool):
        self.dataset, self.batch_sampler, self.pin = dataset, batch_sampler, pin

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue = queue.Queue(AHEAD)
        over = threading.Event()
        batches = iter(self.batch_sampler)
        for indices in batches:  # the first here, not there: what starts processes had better not be a thread
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
            while thread.is_alive():  # it may be waiting for room
                with contextlib.suppress(queue.Empty):
                    ready.get(timeout=0.05)

    def _batch(self, indices: list[int]) -> Batch:
        batch = self.dataset.batch(indices)
        return {name: value.pin_memory() for name, value in batch.items()} if self.pin else batch

    def _load(self, batches: Iterator[list[int]], ready: queue.Queue, over: threading.Event) -> None:
        try:
            for indices in batches:
                ready.put(self._batch(indices))
                if over.is_set():
                    return
            ready.put(None)
        except BaseException as error:  # raised again where batches are taken
            ready.put(error)


class _Processes:
    """Batches from a DataLoader; a process that dies ends the iteration with one line."""

    def __init__(self, loader: DataLoader):
        self.loader = loader

    def __iter__(self) -> Iterator[Batch]:
        return from_processes(self.loader)


def from_processes(loader: DataLoader) -> Iterator[Batch]:
    """What a DataLoader gives; CaptureError where one of its processes dies."""
    # torch has a dead process interrupt whatever runs at that moment; it is noticed soon enough in `next`
    child = getattr(signal, "SIGCHLD", None)  # Windows has no such signal
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(child) if main and child else None
    batches = iter(loader)
    if before is not None:
        signal.signal(child, before)
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (RuntimeError, OSError, EOFError) as error:
            if not _says_that_a_process_died(error):
                raise
            raise CaptureError(
                f"one of the {loader.num_workers} loader processes was killed, most likely because memory (or "
                "/dev/shm) ran out; lower num_workers or cache_gb, and the same command goes on from the checkpoint"
            ) from None
        yield batch


def _says_that_a_process_died(error: Exception) -> bool:
    """Of a DataLoader's error: that it waited in vain, or that a batch went down with the process that made it."""
    if isinstance(error, RuntimeError):
        return bool(_DEAD_WORKER.search(str(error)))
    return not str(error).startswith("Caught ")  # which is what an error that a process reported starts with
