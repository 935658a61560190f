"""An exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """Keeps `average`, a copy of a network that follows it: average += (1 - d) (network - average) after each step.

    d = min(decay, (1 + n) / (10 + n)) at step n, so that short runs aren't dominated by the start (TensorFlow's rule).
    A decay of 0 makes the average the network itself.
    """

    def __init__(self, network: Network, decay: float):
        self.average: Network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Follow `network` after its step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [*self.average.parameters(), *self.average.buffers()]
        values = [*network.parameters(), *network.buffers()]
        floats = [(average, value) for average, value in zip(averages, values) if average.is_floating_point()]
        torch._foreach_lerp_([average for average, _ in floats], [value for _, value in floats], 1.0 - decay)
        for average, value in zip(averages, values):
            if not average.is_floating_point():
                average.copy_(value)
