"""How much work a computation is, and how fast this machine multiplies matrices: the two halves of FLOP utilisation."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

SMALLEST_SIDE, LARGEST_SIDE = 512, 16_384
LONG_ENOUGH = 0.01  # s: a product that takes as long as this is no longer bound by its start


@dataclass(frozen=True)
class Work:
    """What one call does.

    Attributes:
        flop: floating-point operations of matrix products and convolutions; a multiply-add is two.
        operators: calls of torch's operators, views left out. On a GPU without recorded graphs, each starts a kernel.
    """

    flop: float
    operators: int

    def utilisation(self, seconds: float, peak: float) -> float:
        """Share of a peak of so many FLOP/s that this work, done in so many seconds, reaches."""
        return self.flop / seconds / peak


class _Counter(TorchDispatchMode):
    """Counts operators that compute or copy something, and the FLOP of those that torch's registry knows.

    torch's own FlopCounterMode also follows which module is at work, which costs time and warns about recomputation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operators, self.flop = 0, 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        self.operators += not func.is_view
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flop += count(*args, **kwargs, out_val=made)
        return made


def count_work(run: Callable[[], Any]) -> tuple[Work, Any]:
    """The work of one call, and what it returned. Compiled code is not seen into: give it the eager call."""
    with _Counter() as counter:
        made = run()
    return Work(float(counter.flop), counter.operators), made


def matrix_peak(device: torch.device, dtype: torch.dtype, repeats: int = 3) -> float:
    """FLOP/s of the fastest of some square matrix products, which double in side until one takes long enough.

    It takes about a tenth of a second.
    """
    best, side = 0.0, SMALLEST_SIDE
    rng = torch.Generator(device).manual_seed(0)  # torch's own numbers belong to whoever trains
    while side <= LARGEST_SIDE:
        a, b = (torch.randn(side, side, device=device, generator=rng).to(dtype) for _ in range(2))
        seconds = [_clock(a, b) for _ in range(1 + repeats)][1:]
        best = max(best, 2 * side**3 / min(seconds))
        if statistics.median(seconds) > LONG_ENOUGH:
            break
        side *= 2
    return best


def _clock(a: torch.Tensor, b: torch.Tensor) -> float:
    start = time.perf_counter()
    a @ b
    if a.device.type == "cuda":
        torch.cuda.synchronize(a.device)
    return time.perf_counter() - start
