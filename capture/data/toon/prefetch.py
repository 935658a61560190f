"""Drawings made ahead of their use, by several processes, each drawing made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from capture.data.loading import from_processes, worker_options

Drawings = dict[str, Tensor]


class DrawnAhead:
    """Troupes in the order of their numbers, drawn by processes that never draw the same one.

    A process for each batch would have to draw all that its batch is of, and since the samples of many troupes are
    shuffled together, nearly everything would be drawn once in every process.

    Args:
        draw: the number of a troupe -> its pictures.  processes: how many draw.  kept: troupes that may be asked again.
    """

    def __init__(self, draw: Callable[[int], Drawings], processes: int, kept: int):
        self.draw, self.processes, self.kept = draw, processes, kept
        self._drawn: OrderedDict[int, Drawings] = OrderedDict()
        self._coming: Iterator[Drawings] = iter(())
        self._next: int | None = None  # number of the first troupe that has not come yet

    def __call__(self, troupe: int) -> Drawings:
        """One troupe's pictures; the first call starts the processes, and so does one that goes back, or far ahead."""
        if troupe not in self._drawn and (self._next is None or not 0 <= troupe - self._next < self.kept):
            self._start(troupe - troupe % (self.kept // 2))
        while troupe not in self._drawn:
            self._drawn[self._next] = next(self._coming)
            self._next += 1
            while len(self._drawn) > self.kept:
                self._drawn.popitem(last=False)
        return self._drawn[troupe]

    def _start(self, first: int) -> None:
        self._drawn.clear()
        self._next = first
        loader = DataLoader(_Each(self.draw), batch_size=None, sampler=count(first), **worker_options(self.processes))
        self._coming = from_processes(loader)


class _Each(Dataset):
    """A function of numbers as a dataset."""

    def __init__(self, function: Callable[[int], Drawings]):
        self.function = function

    def __getitem__(self, number: int) -> Drawings:
        return self.function(number)
