"""Samples of another source, drawn in random styles by filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from capture.data.sample_source import Batch, SampleSource
from capture.data.styles.filters import crop_pictures, filter_pictures
from capture.data.styles.pairing import draw_crop, draw_styles
from capture.data.styles.style import PLAIN
from capture.io.iuv import MAPS

_OWN = ("identity", "real", "target")  # share a style


class StyledSource(SampleSource):
    """The samples of `source`, in styles.

    Args:
        source: pictures of figures on a ground of one colour.
        seed: decides, with a sample's index, its styles.
        variety: few or many.
        share: how many samples are filtered.
    """

    def __init__(self, source: SampleSource, seed: int, variety: str, share: float):
        self.source, self.seed, self.variety, self.share = source, seed, variety, share

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Prepare the source."""
        return self.source.prepare(processes, progress)

    def describe(self, index: int) -> dict[str, str]:
        """What the source says."""
        return self.source.describe(index)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The source's samples, each in its own styles."""
        batch = self.source.batch(indices)
        for row, index in enumerate(indices):
            self._draw(batch, row, index)
        return batch

    def _draw(self, batch: Batch, row: int, index: int) -> None:
        """Draw one sample of a batch, in place."""
        rng = np.random.default_rng([self.seed, index, 5])
        own, other = draw_styles(rng, self.variety, self.share)
        if own == other == PLAIN:
            return
        crops = {role: draw_crop(rng) for role in ("identity", "real", "pose")}
        crops["target"] = crops["pose"]
        drawn = "target" in batch and bool(batch["has_target"][row])
        for style, names in ((own, [role for role in _OWN if role != "target" or drawn]), (other, ["pose"])):
            pictures = torch.stack([batch[role][row] for role in names])
            maps = torch.stack([_map(batch, role, row) for role in names])
            pictures, maps = crop_pictures(pictures, maps, *zip(*(crops[role] for role in names)))
            pictures, maps = filter_pictures(pictures, maps, style)
            for k, role in enumerate(names):
                batch[role][row] = pictures[k]
                if role + MAPS in batch:
                    batch[role + MAPS][row] = maps[k]


def _map(batch: Batch, role: str, row: int) -> Tensor:
    return batch[role + MAPS][row] if role + MAPS in batch else torch.zeros_like(batch[role][row])
