"""Sharing an evaluation among the processes that torchrun starts. A single process does everything itself."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist


class Workers:
    """The processes of an evaluation.

    Attributes:
        rank: number of this process.  count: number of processes.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self._started = self.count > 1 and not dist.is_initialized()
        if self._started:  # few and small values are exchanged, so gloo is fast enough with GPUs as well
            dist.init_process_group("gloo", timeout=timedelta(days=1))

    @property
    def is_main(self) -> bool:
        """Whether this process prints and writes the results."""
        return self.rank == 0

    def device(self, wanted: torch.device) -> torch.device:
        """`wanted`; where several processes use GPUs, this process's own GPU."""
        if wanted.type == "cuda" and self.count > 1:
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        return wanted

    def share(self, n: int, batch_size: int) -> list[list[int]]:
        """This process's batches of the indices 0 to n - 1. The batches do not depend on the number of processes."""
        batches = [list(range(start, min(start + batch_size, n))) for start in range(0, n, batch_size)]
        return batches[self.rank :: self.count]

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.count > 1:
            dist.barrier()

    def gather(self, value: Any) -> list[Any]:
        """In the main process, the values of all processes in the order of their ranks; in the others, []."""
        if self.count == 1:
            return [value]
        values = [None] * self.count if self.is_main else None
        dist.gather_object(value, values)
        return values or []

    def close(self) -> None:
        """End the exchange between the processes."""
        if self._started:
            dist.destroy_process_group()
