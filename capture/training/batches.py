"""The batches of a run, beginning at a given step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from capture.common.processes import Processes
from capture.data.loading import make_loader
from capture.data.open_data import Data
from capture.data.sampling import EndlessBatches
from capture.io.images import normalise


def endless_batches(
    data: Data, options: dict[str, Any], step: int, processes: Processes
) -> Iterator[dict[str, Tensor]]:
    """Yield this process's share of every batch from `step` on, uint8, without end.

    Frames are first decoded into a cache, where they fit. Sample i depends on i and the seed only.

    Args:
        options: dataset_config.
    """
    sampler = EndlessBatches(options["batch_size"], step, processes.rank, processes.world)
    loader = make_loader(data.train, sampler, options["num_workers"], processes.device, progress=processes.main)
    return iter(loader)


def to_device(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Move a batch to the device: pictures become float channels_last tensors in [-1, 1].

    IUV maps (<role>_uv) and flags keep their type.
    """
    moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    for name, value in moved.items():
        if value.dtype == torch.uint8 and not name.endswith("_uv"):
            moved[name] = normalise(value).contiguous(memory_format=torch.channels_last)
    return moved
