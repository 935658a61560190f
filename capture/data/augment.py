"""Changes that all pictures of a sample share: seen in a mirror, painted in other colours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from capture.data.mixed import Batch, batch_of
from capture.methods.capture_parts.attention_loss import MAPS

KINDS = ("none", "flip", "colour", "both")
_ORDERS = list(permutations(range(3)))
_GAMMA = 1.6  # channels are raised to a power between 1 / this and this


class Augmented(Dataset):
    """A dataset whose samples are changed, each in its own way, which (seed, index) decide.

    flip: mirrored, every other sample, and its maps call left what was right. colour: channels change places and are
    raised to a power each, so that black and white stay as they are.

    Args:
        dataset: of samples uint8 (3, S, S).  kind: flip | colour | both.
    """

    def __init__(self, dataset: Any, kind: str, seed: int):
        if kind not in KINDS[1:]:
            raise ValueError(f"augment '{kind}' is none of {', '.join(KINDS)}")
        self.dataset, self.seed = dataset, seed
        self.flip, self.colour = kind in ("flip", "both"), kind in ("colour", "both")

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """As the dataset's own."""
        return hasattr(self.dataset, "prepare") and self.dataset.prepare(processes, progress)

    def describe(self, index: int) -> dict[str, str]:
        """As the dataset's own."""
        return self.dataset.describe(index)

    def __getitem__(self, index: int) -> Batch:
        return {name: value[0] for name, value in self.batch([index]).items()}

    def batch(self, indices: Sequence[int]) -> Batch:
        """Samples as uint8 (B, 3, S, S); `has_target` (B)."""
        samples = batch_of(self.dataset, indices)
        for row, index in enumerate(indices):
            rng = np.random.default_rng([self.seed, index, 1])
            turned, order, powers = rng.random() < 0.5, rng.integers(len(_ORDERS)), rng.uniform(-1, 1, 3)
            tables = power_tables(_GAMMA**powers) if self.colour else None
            for name, value in samples.items():
                if value.dim() != 4:
                    continue
                if self.flip and turned:
                    value[row] = mirrored_map(value[row]) if name.endswith(MAPS) else value[row].flip(-1)
                if self.colour and not name.endswith(MAPS):
                    value[row] = repaint(value[row], _ORDERS[order], tables)
        return samples


def mirrored_map(uv: Tensor) -> Tensor:
    """uint8 (3, S, S): the map of what a mirror shows."""
    from capture.data.iuv.remap import in_mirror  # with all of toon, which few datasets need

    return torch.from_numpy(in_mirror()(uv.flip(-1).numpy()))


def power_tables(powers: Sequence[float]) -> Tensor:
    """uint8 (3, 256): each level raised to a channel's power, 0 and 255 where they were."""
    levels = torch.linspace(0, 1, 256, dtype=torch.float64)
    return torch.stack([(levels**power * 255).round().to(torch.uint8) for power in powers])


def repaint(image: Tensor, order: Sequence[int], tables: Tensor) -> Tensor:
    """uint8 (3, S, S) with its channels in another order, each then through its table."""
    return torch.stack([tables[k][image[channel].long()] for k, channel in enumerate(order)])
