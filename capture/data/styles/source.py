"""Samples of another source, drawn in random styles by filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from capture.data.sample_source import TARGET_ALPHA, TARGET_GROUND, Batch, SampleSource
from capture.data.styles.filters import Drawn, crop_pictures, filter_pictures
from capture.data.styles.pairing import draw_crop, draw_styles
from capture.data.styles.style import PLAIN
from capture.io.iuv import MAPS
from capture.io.roles import identities_in

_OWN = ("identity", "real", "target")  # share a style, with further pictures of the identity


class StyledSource(SampleSource):
    """The samples of `source`, in styles.

    Args:
        source: pictures of figures on a ground of one colour.
        seed: decides, with a sample's index, its styles.
        variety: few or many.
        share: how many samples are filtered.
        figures: add `target_alpha`, uint8 (B, 1, S, S), how much of the target's pixels its figure covers, and
            `target_ground`, (B, 3, S, S), what is behind it; zeros where there is no target.
    """

    def __init__(self, source: SampleSource, seed: int, variety: str, share: float, figures: bool = False):
        self.source, self.seed, self.variety, self.figures = source, seed, variety, figures
        self.share = share if variety != "off" else 0.0

    def use_device(self, device: torch.device) -> bool:
        """Tell the source. The filters compute where its pictures are."""
        return self.source.use_device(device)

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Prepare the source."""
        return self.source.prepare(processes, progress)

    def describe(self, index: int) -> dict[str, str]:
        """What the source says."""
        return self.source.describe(index)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The source's samples, each in its own styles."""
        batch = self.source.batch(indices)
        if self.figures and "target" in batch:
            batch[TARGET_ALPHA] = torch.zeros_like(batch["target"][:, :1])
            batch[TARGET_GROUND] = torch.zeros_like(batch["target"])
        for row, index in enumerate(indices):
            self._draw(batch, row, index)
        return batch

    def _draw(self, batch: Batch, row: int, index: int) -> None:
        """Draw one sample of a batch, in place."""
        rng = np.random.default_rng([self.seed, index, 5])
        own, other = draw_styles(rng, self.variety, self.share)
        drawn = "target" in batch and bool(batch["has_target"][row])
        if own == other == PLAIN:
            if drawn and self.figures:
                self._keep_figure(
                    batch, row, filter_pictures(batch["target"][row][None], _map(batch, "target", row)[None], PLAIN), 0
                )
            return
        crops = {role: draw_crop(rng) for role in ("identity", "real", "pose")}
        crops["target"] = crops["pose"]
        more = [role for role in identities_in(batch) if role not in _OWN]
        rng = np.random.default_rng([self.seed, index, 6])  # another one: how many there are changes nothing else
        crops |= {role: draw_crop(rng) for role in more}
        own_roles = [role for role in _OWN if role != "target" or drawn] + more
        for style, names in ((own, own_roles), (other, ["pose"])):
            pictures = torch.stack([batch[role][row] for role in names])
            maps = torch.stack([_map(batch, role, row) for role in names])
            pictures, maps = crop_pictures(pictures, maps, *zip(*(crops[role] for role in names)))
            made = filter_pictures(pictures, maps, style)
            for k, role in enumerate(names):
                batch[role][row] = made.pictures[k]
                if role + MAPS in batch:
                    batch[role + MAPS][row] = made.maps[k]
                if role == "target" and self.figures:
                    self._keep_figure(batch, row, made, k)

    @staticmethod
    def _keep_figure(batch: Batch, row: int, made: Drawn, k: int) -> None:
        batch[TARGET_ALPHA][row], batch[TARGET_GROUND][row] = made.alpha[k], made.ground[k]


def _map(batch: Batch, role: str, row: int) -> Tensor:
    return batch[role + MAPS][row] if role + MAPS in batch else torch.zeros_like(batch[role][row])
