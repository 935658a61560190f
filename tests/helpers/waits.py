"""Finding operators that make the processor wait for the device, or shapes that depend on data."""

from __future__ import annotations

from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS = {"_local_scalar_dense", "equal"}  # a number comes back to Python
SHAPES = {"nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "repeat_interleave"}
INDEXED = {"index", "index_put", "index_put_"}  # with a mask, the same as nonzero


class Waits(TorchDispatchMode):
    """`found`: how often each such operator was called."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masked = name in INDEXED and any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
        if name in READS | SHAPES or masked:
            self.found[name] += 1
        return func(*args, **(kwargs or {}))
