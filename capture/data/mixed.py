"""Several datasets as one, drawn from in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

Batch = dict[str, Tensor]


class Mixed(Dataset):
    """Sample i is sample i of part i % n, for n parts, of which some may be the same dataset.

    Where some know targets and others don't, all get `target` and `has_target`, the latter telling which count.

    Args:
        parts: datasets of samples without end (capture.data.frames, capture.data.toon), of pictures of one size.
    """

    def __init__(self, parts: Sequence[Any]):
        self.parts = list(parts)

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Have the parts that can be prepared be so; whether that is all of them."""
        return all([hasattr(part, "prepare") and part.prepare(processes, progress) for part in self.parts])

    def describe(self, index: int) -> dict[str, str]:
        """What is drawn for sample `index`, by role."""
        return self.parts[index % len(self.parts)].describe(index)

    def __getitem__(self, index: int) -> Batch:
        return {name: value[0] for name, value in self.batch([index]).items()}

    def batch(self, indices: Sequence[int]) -> Batch:
        """Samples as uint8 (B, 3, S, S); `has_target` (B)."""
        n = len(self.parts)
        rows = [[row for row, index in enumerate(indices) if index % n == k] for k in range(n)]
        drawn = [batch_of(part, [indices[row] for row in mine]) for part, mine in zip(self.parts, rows) if mine]
        place = torch.tensor([row for mine in rows for row in mine]).argsort()  # of each sample among those drawn
        shapes = {name: value[0] for samples in drawn for name, value in samples.items()}
        return {
            name: torch.cat([samples.get(name, _zeros(like, samples)) for samples in drawn]).index_select(0, place)
            for name, like in shapes.items()
        }


def _zeros(like: Tensor, samples: Batch) -> Tensor:
    """What stands for something of the shape `like` that these samples don't have."""
    return torch.zeros_like(like).expand(len(next(iter(samples.values()))), *like.shape)


def batch_of(dataset: Any, indices: Sequence[int]) -> Batch:
    """Samples of any dataset, stacked."""
    return dataset.batch(indices) if hasattr(dataset, "batch") else default_collate(dataset.__getitems__(indices))
