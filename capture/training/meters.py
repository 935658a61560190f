"""Running means of metrics. Sums stay on the device, so that no step waits for them."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor


class Meters:
    """Sums of metrics since the last reset, and their means."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps = 0

    def add(self, metrics: dict[str, Tensor]) -> None:
        """Add the metrics of one step, detached scalars."""
        for name, value in metrics.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.float().clone()
        self.steps += 1

    def means(self) -> dict[str, Tensor]:
        """The mean of each metric, a scalar on the device."""
        return {name: value / self.steps for name, value in self.sums.items()}

    def reset(self) -> None:
        """Set all sums to zero."""
        self.sums, self.steps = {}, 0

    def state(self) -> dict[str, Any]:
        """The sums on the CPU, for a checkpoint."""
        return {"meters": {name: value.cpu() for name, value in self.sums.items()}, "meter_steps": self.steps}

    def load(self, state: dict[str, Any], device: torch.device) -> None:
        """Restore what `state` returned. ValueError, TypeError or KeyError where the argument is something else."""
        steps, sums = operator.index(state["meter_steps"]), dict(state["meters"])
        if steps < 0 or not all(isinstance(value, Tensor) and value.numel() == 1 for value in sums.values()):
            raise ValueError("its running means are not scalars, or their number of steps is negative")
        self.sums = {name: value.to(device) for name, value in sums.items()}
        self.steps = steps
