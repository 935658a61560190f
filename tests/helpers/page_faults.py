"""Run in a process of its own by tests of capture.common.memory: how many pages tensors are given, before and after."""

from __future__ import annotations

import resource

import torch

from capture.common.memory import keep_freed_memory


def page_faults() -> int:
    """Pages that ten tensors of 100 MB, one after another, had to be given."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.empty(25_000_000).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


if __name__ == "__main__":
    device = torch.device("cpu")
    known = keep_freed_memory(device, False)
    without = page_faults()
    keep_freed_memory(device)
    torch.empty(25_000_000).fill_(1)
    print(known, without, min(page_faults() for _ in range(8)))
