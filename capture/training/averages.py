"""An exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class EMA:
    """Keeps `average`, a copy of a network that follows it: average += (1 - d) (network - average) after each step.

    d = min(decay, (1 + n) / (10 + n)) at step n, so that short runs aren't dominated by the start (TensorFlow's rule).
    A decay of 0 makes the average the network itself.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Follow `network` after its step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine = [*self.average.parameters(), *self.average.buffers()]
        theirs = [*network.parameters(), *network.buffers()]
        floats = [(m, t) for m, t in zip(mine, theirs) if m.is_floating_point()]
        torch._foreach_lerp_([m for m, _ in floats], [t for _, t in floats], 1.0 - decay)
        for m, t in zip(mine, theirs):
            if not m.is_floating_point():
                m.copy_(t)
