"""Several sources of samples as one, drawn from in turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from capture.data.sample_source import Batch, SampleSource


class Mixed(SampleSource):
    """Sample i is sample i of part i % n, for n parts. Several parts may be the same source.

    Where only some parts have `target`, or maps, the samples of the others get zeros; `has_target` says which targets
    are true ones.

    Args:
        parts: sources whose pictures have one size.
    """

    def __init__(self, parts: Sequence[SampleSource]):
        self.parts = list(parts)
        self._examples: dict[int, Batch] = {}  # part -> one sample of it, for the names that it has

    def use_device(self, device: torch.device) -> bool:
        """Tell every part; whether one of them renders there."""
        return any([part.use_device(device) for part in self.parts])

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Prepare every part; True if all parts are cheap to read then."""
        return all([part.prepare(processes, progress) for part in self.parts])

    def describe(self, index: int) -> dict[str, str]:
        """What each picture of sample `index` was made from, as its part says."""
        return self.parts[index % len(self.parts)].describe(index)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The samples of these indices as uint8 (B, 3, S, S); `has_target` (B,)."""
        n = len(self.parts)
        rows_by_part = [[row for row, index in enumerate(indices) if index % n == k] for k in range(n)]
        batches = [part.batch([indices[row] for row in rows]) for part, rows in zip(self.parts, rows_by_part) if rows]
        known = iter(batches)
        for k, rows in enumerate(rows_by_part):
            if rows:
                self._examples.setdefault(k, {name: value[:1] for name, value in next(known).items()})
            elif k not in self._examples:  # every batch has the names of all parts, also one without samples of some
                self._examples[k] = self.parts[k].batch([k])
        # where one part renders on a GPU, all samples go there
        device = next((x.device for batch in batches for x in batch.values() if x.device.type != "cpu"), None)
        if device is not None:
            batches = [{name: value.to(device) for name, value in batch.items()} for batch in batches]
        rows = [row for rows in rows_by_part for row in rows]
        order = torch.tensor(rows, device=device).argsort()  # back to the order of `indices`
        examples = {name: value[0] for k in range(n) for name, value in self._examples[k].items()}
        if device is not None:
            examples = {name: value.to(device) for name, value in examples.items()}
        return {
            name: torch.cat([batch.get(name, _zeros(example, batch)) for batch in batches]).index_select(0, order)
            for name, example in examples.items()
        }


def _zeros(example: Tensor, batch: Batch) -> Tensor:
    """Zeros of the shape of `example` for every sample of `batch`."""
    return torch.zeros_like(example).expand(len(next(iter(batch.values()))), *example.shape)
