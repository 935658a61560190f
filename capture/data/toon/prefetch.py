"""Render groups that are rendered before they are needed, by several processes, each group once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from capture.data.loading import from_processes, worker_options

Renders = dict[str, Tensor]


class RenderPrefetcher:
    """Render groups in the order of their numbers, rendered by processes that share the work.

    If each process made whole batches instead, it would have to render every group of its batches. The samples of many
    groups are shuffled together, so nearly every group would be rendered once in each process.

    Args:
        render_group: number of a group -> its pictures.
        processes: how many processes render.
        kept: how many groups are kept, and may be asked for again.
    """

    def __init__(self, render_group: Callable[[int], Renders], processes: int, kept: int):
        self.render_group, self.processes, self.kept = render_group, processes, kept
        self._rendered: OrderedDict[int, Renders] = OrderedDict()
        self._incoming: Iterator[Renders] = iter(())
        self._next = -1  # number of the group that comes next; -1 before the first start

    def __call__(self, group: int) -> Renders:
        """The pictures of one group.

        The first call starts the processes. A call for a group that is no longer kept, or for one far ahead, starts
        them again at that group.
        """
        if group not in self._rendered and (self._next < 0 or not 0 <= group - self._next < self.kept):
            self._start(group - group % (self.kept // 2))
        while group not in self._rendered:
            self._rendered[self._next] = next(self._incoming)
            self._next += 1
            while len(self._rendered) > self.kept:
                self._rendered.popitem(last=False)
        return self._rendered[group]

    def _start(self, first: int) -> None:
        self._rendered.clear()
        self._next = first
        dataset = _FunctionDataset(self.render_group)
        loader = DataLoader(dataset, batch_size=None, sampler=count(first), **worker_options(self.processes))
        self._incoming = from_processes(loader)


class _FunctionDataset(Dataset):
    """A function of a number as a dataset."""

    def __init__(self, function: Callable[[int], Renders]):
        self.function = function

    def __getitem__(self, number: int) -> Renders:
        return self.function(number)
