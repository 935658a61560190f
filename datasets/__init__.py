"""Where training samples and test pairs come from: folders of frames, or the built-in toon characters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from datasets.catalog import scan
from datasets.frames import FrameDataset, held_out_pairs, load_pairs

TOON = "toon"  # as dataset_path: render live


@dataclass
class Data:
    """What a run trains on and looks at.

    Attributes:
        train: samples by index, without end: dicts of uint8 (3, S, S) tensors.
        description: one line for people.
    """

    train: Dataset
    description: str
    _test: Callable[[int], dict[str, Tensor]]

    def test_batch(self, count: int) -> dict[str, Tensor]:
        """The first `count` held-out pairs as uint8 (N, 3, S, S), always the same: `identity`, `pose`, maybe `target`.

        {} where the dataset has no test split.
        """
        return self._test(count) if count else {}


def open_data(config: dict[str, Any]) -> Data:
    """The data that `dataset_config` names.

    Raises:
        CaptureError: it isn't there, is empty, or can't be sampled from.
    """
    options, seed = config["dataset_config"], config["train_config"]["seed"]
    size = options["image_size"]
    if options["dataset_path"] == TOON:
        from datasets.toon import ToonStream
        from datasets.toon.held_out import held_out_batch

        stream = ToonStream(size, samples_per_epoch=2**62, seed=seed)  # one endless epoch: samples by index alone
        return Data(
            stream,
            "toon, rendered live: new characters without end, true targets known",
            functools.cache(lambda count: held_out_batch(count, size)),
        )
    catalog = scan(options["dataset_path"])

    @functools.cache  # the same few pairs are looked at every epoch
    def test_batch(count: int) -> dict[str, Tensor]:
        pairs = held_out_pairs(catalog.root, count)
        return load_pairs(pairs, size) if pairs else {}

    return Data(FrameDataset(catalog, size, seed, options["cache_gb"]), str(catalog), test_batch)
