"""An exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """The moving average of a network, in `average`: after each step average += (1 - d) (network - average).

    At step n, d = min(decay, (1 + n) / (10 + n)), TensorFlow's rule, so that the initial weights do not dominate the
    average of a short run. With a decay of 0 the average equals the network.
    """

    def __init__(self, network: Network, decay: float):
        self.average: Network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Update the average after step number `step` (from 0) of `network`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [*self.average.parameters(), *self.average.buffers()]
        values = [*network.parameters(), *network.buffers()]
        floats = [(average, value) for average, value in zip(averages, values) if average.is_floating_point()]
        torch._foreach_lerp_([average for average, _ in floats], [value for _, value in floats], 1.0 - decay)
        for average, value in zip(averages, values):
            if not average.is_floating_point():
                average.copy_(value)
