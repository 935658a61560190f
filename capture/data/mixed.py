"""Several sources of samples as one, drawn from in turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from capture.data.sample_source import Batch, SampleSource
from capture.io.iuv import MAPS
from capture.io.roles import IDENTITY, identity_roles


class Mixed(SampleSource):
    """Sample i is of part i % n, for n parts, and each source's samples come one after the other, none left out.

    Several parts may be the same source. A source that renders or reads groups of samples would do so for samples that
    are never asked for if its numbers had gaps.

    Where only some parts have `target`, or maps, the samples of the others get zeros; `has_target` says which targets
    are true ones.

    Args:
        parts: sources whose pictures have one size.
    """

    def __init__(self, parts: Sequence[SampleSource]):
        self.parts = list(parts)
        self._sources = [next(i for i, one in enumerate(self.parts) if one is part) for part in self.parts]
        self._turns = [self._sources[:k].count(source) for k, source in enumerate(self._sources)]
        self._blanks: dict[int, Batch] = {}  # source -> zeros in the shape of one sample, under its names

    def use_device(self, device: torch.device) -> bool:
        """Tell every part; whether one of them renders there."""
        return any([part.use_device(device) for part in self.parts])

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Prepare every part; True if all parts are cheap to read then."""
        return all([part.prepare(processes, progress) for part in self.parts])

    def describe(self, index: int) -> dict[str, str]:
        """What each picture of sample `index` was made from, as its part says."""
        return self.parts[index % len(self.parts)].describe(self._own_index(index))

    def _own_index(self, index: int) -> int:
        """The number that sample `index` has in its source."""
        turn, k = divmod(index, len(self.parts))
        return turn * self._sources.count(self._sources[k]) + self._turns[k]

    def batch(self, indices: Sequence[int]) -> Batch:
        """The samples of these indices as uint8 (B, 3, S, S); `has_target` (B,)."""
        n = len(self.parts)
        rows_by_part = [[row for row, index in enumerate(indices) if index % n == k] for k in range(n)]
        own = [[self._own_index(indices[row]) for row in rows] for rows in rows_by_part]
        batches = [part.batch(numbers) for part, numbers in zip(self.parts, own) if numbers]
        drawn = iter(batches)
        blanks: Batch = {}  # every batch has the names of all sources, also without samples of some
        for k, (source, rows) in enumerate(zip(self._sources, rows_by_part)):
            example = next(drawn) if rows else None
            if example is None and source not in self._blanks:
                example = self.parts[k].batch([0])
            if example is not None:
                self._blanks[source] = {name: torch.zeros_like(value[0]) for name, value in example.items()}
            # how many pictures of an identity there are differs from update to update
            known = self._blanks[source].items()
            blanks |= {name: zeros for name, zeros in known if rows or not _is_further_picture(name)}
        for role in identity_roles()[1:]:
            if role in blanks and IDENTITY + MAPS in blanks:
                blanks.setdefault(role + MAPS, blanks[IDENTITY + MAPS])
        # where one part renders on a GPU, all samples go there
        device = next((x.device for batch in batches for x in batch.values() if x.device.type != "cpu"), None)
        if device is not None:
            batches = [{name: value.to(device) for name, value in batch.items()} for batch in batches]
        rows = [row for rows in rows_by_part for row in rows]
        order = torch.tensor(rows, device=device).argsort()  # back to the order of `indices`
        if device is not None:
            blanks = {name: zeros.to(device) for name, zeros in blanks.items()}
        return {
            name: torch.cat([batch.get(name, _repeated(zeros, batch)) for batch in batches]).index_select(0, order)
            for name, zeros in blanks.items()
        }


def _is_further_picture(name: str) -> bool:
    """Whether a name of a sample is that of a picture, or map, of the identity after the first one."""
    return name.removesuffix(MAPS) in identity_roles()[1:]


def _repeated(zeros: Tensor, batch: Batch) -> Tensor:
    """`zeros` for every sample of `batch`."""
    return zeros.expand(len(next(iter(batch.values()))), *zeros.shape)
