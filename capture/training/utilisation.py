"""How much of the machine a training uses: model FLOP utilisation, and operators a step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import torch

from capture.common.work import Work, count_work, matrix_peak

T = TypeVar("T")

COUNTED = 2  # steps


class Utilisation:
    """Counts the work of a step of this process, and relates the speed to the peak of matrix products.

    The first two steps are counted and the second one is kept, since in the first one optimisers set themselves up. The
    peak is measured once, in the precision of the run. Compiled code can't be counted, so with `compile` the first two
    steps of a process run uncompiled.

    Attributes:
        work: of one step in this process; None before the first.
    """

    def __init__(self, device: torch.device, bf16: bool, compiled: bool):
        self.device, self.dtype, self.compiled = device, torch.bfloat16 if bf16 else torch.float32, compiled
        self.work: Work | None = None
        self._uncounted = COUNTED
        self._peak = 0.0

    def step(self, run: Callable[[], T]) -> T:
        """Run a step; the first ones are counted."""
        if not self._uncounted:
            return run()
        self._uncounted -= 1
        eager = torch.compiler.set_stance("force_eager") if self.compiled else contextlib.nullcontext()
        with eager:
            self.work, made = count_work(run)
        return made

    def metrics(self, steps_per_second: float) -> dict[str, float]:
        """For the log: `model_flop_utilisation`, a share of 1, and `operators_per_step`; {} before the first step."""
        if self.work is None:
            return {}
        self._peak = self._peak or matrix_peak(self.device, self.dtype)
        share = self.work.utilisation(1 / steps_per_second, self._peak)
        return {"model_flop_utilisation": round(share, 6), "operators_per_step": self.work.operators}
