"""The contract of what training samples come from: folders of frames, the toon renderer, and mixtures of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

Batch = dict[str, Tensor]
TARGET_ALPHA, TARGET_GROUND = "target_alpha", "target_ground"


class SampleSource(Dataset, ABC):
    """Samples by index, without end. Sample i is always the same one, so that a resumed run sees the same samples.

    A sample is a dict of uint8 tensors (3, S, S): `identity`, `real` and `pose`; where the true targets are known also
    `target`, with the boolean scalar `has_target`; where maps were asked for also `<name>_uv`, the IUV map of each
    picture (capture.io.iuv), which is zeros where a picture has no map; and where it was asked for `target_alpha`,
    (1, S, S), how much of each of the target's pixels its figure covers, with `target_ground`, what is behind it. Where
    several pictures of an identity were asked for, those after the first are `identity_2` to `identity_4`; how many
    there are is the same for all samples of an update (capture.data.sampling.IdentityPictures).
    """

    @abstractmethod
    def batch(self, indices: Sequence[int]) -> Batch:
        """The samples of these indices, which belong to one update: uint8 (B, 3, S, S), and `has_target` (B,)."""

    @abstractmethod
    def describe(self, index: int) -> dict[str, str]:
        """What each picture of sample `index` was made from, by its name in the sample, for people."""

    def prepare(self, processes: int = 1, progress: bool = True) -> bool:
        """Do, once, what makes batches cheap: decode all frames, or start the processes that render.

        Args:
            processes: how many processes may render, or how many will read samples; 0 for none.
            progress: show a progress bar.
        Returns:
            Whether `batch` is now cheap enough for one thread to call it. Otherwise several processes should call it.
        Raises:
            CaptureError: the data can't be read.
        """
        return False

    def use_device(self, device: torch.device) -> bool:
        """Say, before `prepare`, on which device batches are used.

        Returns:
            Whether the source renders there, and leaves pictures there. Batches must then be made in this process.
        """
        return False

    def __getitem__(self, index: int) -> Batch:
        return {name: value[0] for name, value in self.batch([index]).items()}

    def __getitems__(self, indices: Sequence[int]) -> list[Batch]:
        """The samples of a whole batch in a list; torch's DataLoader calls this method."""
        batch = self.batch(indices)
        return [{name: value[row] for name, value in batch.items()} for row in range(len(indices))]
