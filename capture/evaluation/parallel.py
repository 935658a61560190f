"""Sharing an evaluation among processes started by torchrun; alone, all of it does nothing."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist


class Workers:
    """This process and the others.

    Attributes:
        rank: this one's number.  count: how many there are.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self._started = self.count > 1 and not dist.is_initialized()
        if self._started:  # plain values are exchanged, and rarely: gloo does for GPUs too; one may wait for another
            dist.init_process_group("gloo", timeout=timedelta(days=1))

    @property
    def is_main(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def device(self, wanted: torch.device) -> torch.device:
        """`wanted`, or this process's own GPU where there are several."""
        if wanted.type == "cuda" and self.count > 1:
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        return wanted

    def share(self, n: int, batch_size: int) -> list[list[int]]:
        """The batches of n pieces of work that are this process's; the batches are the same however many processes."""
        batches = [list(range(start, min(start + batch_size, n))) for start in range(0, n, batch_size)]
        return batches[self.rank :: self.count]

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, by rank, in the main process; [] in the others."""
        if self.count == 1:
            return [value]
        values = [None] * self.count if self.is_main else None
        dist.gather_object(value, values)
        return values or []

    def close(self) -> None:
        """Leave the group."""
        if self._started:
            dist.destroy_process_group()
