"""Running means of losses that nobody waits for: sums stay on the device until they are read."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor


class Meters:
    """Means since the last reset."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps = 0

    def add(self, parts: dict[str, Tensor]) -> None:
        """One step's scalars (detached)."""
        for name, value in parts.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.float().clone()
        self.steps += 1

    def means(self) -> dict[str, Tensor]:
        return {name: value / self.steps for name, value in self.sums.items()}

    def reset(self) -> None:
        self.sums, self.steps = {}, 0

    def state(self) -> dict[str, Any]:
        return {"meters": {name: value.cpu() for name, value in self.sums.items()}, "meter_steps": self.steps}

    def load(self, state: dict[str, Any], device: torch.device) -> None:
        """Take up what `state` gave. ValueError, TypeError or KeyError where it is something else."""
        steps, sums = operator.index(state["meter_steps"]), dict(state["meters"])
        if steps < 0 or not all(isinstance(value, Tensor) and value.numel() == 1 for value in sums.values()):
            raise ValueError("its running means are not scalars, or their number of steps is negative")
        self.sums = {name: value.to(device) for name, value in sums.items()}
        self.steps = steps
