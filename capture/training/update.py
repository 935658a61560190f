"""One update of every network of a method, from one batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.common.processes import Processes
from capture.methods.base import Method
from capture.nn.spectral_norm import held
from capture.training.nonfinite import Guard


class Update:
    """Updates the networks of a method one after the other, in the method's order, each from all micro-batches.

    Args:
        optimisers: one for each network.  bf16: compute under autocast to bfloat16.
    """

    def __init__(
        self,
        method: Method,
        optimisers: dict[str, torch.optim.Optimizer],
        guard: Guard,
        processes: Processes,
        micro_batches: int,
        bf16: bool,
    ):
        self.method, self.optimisers, self.guard, self.processes = method, optimisers, guard, processes
        self.micro_batches, self.bf16, self.device = micro_batches, bf16, processes.device

    def __call__(self, batch: dict[str, Tensor], noise: Tensor, step: int) -> dict[str, Tensor]:
        """Update from this process's batch (B, ...) and its rows of the method's noise (B, ...).

        Args:
            step: number of updates before this one.
        Returns:
            The metrics of the losses, and the norm of each network's gradient: detached scalars on the device.
        Raises:
            NotFinite: a loss or a gradient is infinite or NaN (nonfinite.py says when it is raised).
        """
        count = len(noise) // self.micro_batches
        parts = [
            ({name: value[i : i + count] for name, value in batch.items()}, noise[i : i + count])
            for i in range(0, len(noise), count)
        ]
        # a discriminator that is updated last judges pictures from before the generator's update, and they alone are
        # kept; one that comes first shares the generator's graph, and those of all passes take as much as one batch
        keeps = self.micro_batches == 1 or self.method.update_order == ("gen", "disc")
        caches: list[dict[str, Any] | None] = [{} if keeps else None for _ in parts]
        metrics: dict[str, Tensor] = {}
        for name in self.method.update_order:
            self.optimisers[name].zero_grad()
            means = self._backward(name, parts, caches)
            norm = self.guard.check(step, name, self.method.networks[name], self.optimisers[name], means)
            self.optimisers[name].step()
            metrics |= means | {f"grad_{name}": norm}
        return metrics

    def _backward(
        self, name: str, parts: list[tuple[dict[str, Tensor], Tensor]], caches: list[dict[str, Any] | None]
    ) -> dict[str, Tensor]:
        """Compute the gradients of one network from all micro-batches. Returns the means of the metrics."""
        means: dict[str, Tensor] = {}
        for i, (part, noise) in enumerate(parts):
            unfinished = i + 1 < len(parts)
            apart = self.processes.keep_apart(self.method.trained[name], unfinished)
            with apart, held(self.method.networks.values(), hold=i > 0):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                    loss, its_metrics = self.method.loss(name, part, noise, caches[i])
                (loss / len(parts)).backward()
            for key, value in its_metrics.items():
                means[key] = means.get(key, 0) + value / len(parts)
        return means
