"""Run in a process of its own by tests of capture.common.memory: how many pages tensors are given, before and after."""

from __future__ import annotations

import resource

import torch

from capture.common.memory import keep_freed_memory


def page_faults() -> int:
    """Pages that four tensors of 40 MB, one after another, had to be given.

    glibc by itself never keeps memory of more than 32 MB for later.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.empty(10_000_000).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


if __name__ == "__main__":
    device = torch.device("cpu")
    known = keep_freed_memory(device, False)
    without = page_faults()
    keep_freed_memory(device)
    torch.empty(10_000_000).fill_(1)
    print(known, without, min(page_faults() for _ in range(8)))
