"""Signals during training: after Ctrl-C or SIGTERM a run finishes its step, saves and ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def ignore_interrupts(worker: int) -> None:
    """Ignore Ctrl-C in a worker process of a DataLoader; its number is not used."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training process handles it


@contextmanager
def stop_on_signal() -> Iterator[list[int]]:
    """Yield a list that collects SIGINT and SIGTERM, which then do not end the process; a second Ctrl-C does."""
    received: list[int] = []

    def handler(number: int, frame: Any) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, old in before.items():
            signal.signal(number, old)
