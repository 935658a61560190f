"""Stages of a pipeline that run at the same time: one reads ahead, one writes behind, each in a thread of its own.
A stage may work on several items at the same time.

Decoders, encoders and networks compute outside of Python's lock, so threads are enough. Items stay in order.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_DEPTH = 16  # items that wait between two stages


class _End:
    """What a stage passes on after its last item: the error that ended it, if there was one."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


@contextlib.contextmanager
def read_ahead(items: Iterable[T], depth: int = _DEPTH) -> Iterator[Iterator[T]]:
    """`items`, made in a thread of their own, at most `depth` of them before they are taken.

    An error among them is raised where the item would have been taken. When the block ends, the thread has ended.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: T | _End) -> bool:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End())
        except BaseException as error:  # goes to the thread that takes the items
            put(_End(error))

    def take() -> Iterator[T]:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stopped.set()
        thread.join()


class _Behind(Generic[T]):
    """A thread that calls a function with every item that it is given."""

    def __init__(self, use: Callable[[T], None], depth: int):
        self.waiting: queue.Queue[T | _End] = queue.Queue(depth)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._work, args=(use,), daemon=True)
        self.thread.start()

    def put(self, item: T) -> None:
        if self.error is not None:
            raise self.error
        self.waiting.put(item)

    def _work(self, use: Callable[[T], None]) -> None:
        while not isinstance(item := self.waiting.get(), _End):
            if self.error is None:  # after an error the queue is only emptied, so that nobody waits for room in it
                try:
                    use(item)
                except BaseException as error:  # goes to the thread that gives the items
                    self.error = error


@contextlib.contextmanager
def write_behind(use: Callable[[T], None], depth: int = _DEPTH) -> Iterator[Callable[[T], None]]:
    """A function that passes items on to `use`, in order, in a thread of its own, at most `depth` of them behind.

    An error of `use` is raised at the next item, or when the block ends; nothing is used after it. When the block ends,
    all items are used, unless it ends with an error.
    """
    behind = _Behind(use, depth)
    try:
        yield behind.put
    except BaseException as error:
        behind.error = behind.error or error  # what waits is left
        raise
    finally:
        behind.waiting.put(_End())
        behind.thread.join()
    if behind.error is not None:
        raise behind.error


def side_by_side(make: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`make` of every item, in order, with so many threads; one thread is the caller's own.

    Items are read in the caller's thread, and no more of them than are worked on, except for one that waits for a
    thread. An error is raised where the result would have been taken.
    """
    if threads == 1:
        yield from map(make, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(make, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one perhaps shorter."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch
