"""Stopping a run at the first update whose losses or gradient are infinite or NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.data.sample_source import SampleSource

REPORT = "not_finite.json"

_MOST_TERMS = 64  # of the losses of one update


class NotFinite(Exception):
    """The losses or the gradient of an update are infinite or NaN.

    Attributes:
        step: number of updates before this one.  network: name of the updated network.
        terms: the losses and the norm of the gradient, called `gradient`, as floats.
        parameters: names of parameters whose gradients are not finite; empty where the guard raises later.
    """

    def __init__(self, step: int, network: str, terms: dict[str, float], parameters: list[str]):
        self.step, self.network, self.terms, self.parameters = step, network, terms, parameters
        super().__init__(f"step {step}: " + ", ".join(f"{name} is {value}" for name, value in self.bad.items()))

    @property
    def bad(self) -> dict[str, float]:
        """The terms that are infinite or NaN."""
        return {name: value for name, value in self.terms.items() if not math.isfinite(value)}


class Guard:
    """Checks every update between the backward pass and the optimiser's step.

    On a CPU an update that is not finite raises at once. On a GPU the check would make every step wait, so from the
    first such update on the optimiser leaves the weights unchanged, and `wait` raises. The trainer calls `wait` from
    time to time and before it saves.

    Args:
        clip: largest norm of a network's gradient; 0 for no limit.
        raise_at_once: wait for the device at every update.
    """

    def __init__(self, clip: float, raise_at_once: bool):
        self.clip, self.raise_at_once = clip, raise_at_once
        self._first_bad: tuple[Tensor, Tensor] | None = None  # number of the first bad update, -1 for none; its terms
        self._updates: list[tuple[int, str, list[str]]] = []  # step, network, names of terms: updates not yet checked
        self._seen = 0  # number of updates that were checked

    def check(
        self, step: int, name: str, network: nn.Module, optimiser: torch.optim.Optimizer, terms: dict[str, Tensor]
    ) -> Tensor:
        """Check the losses and the gradient of one update, and clip the gradient.

        Args:
            step: number of updates before this one.  terms: the losses, by name.
        Returns:
            The norm of the gradient before it is clipped, a scalar.
        Raises:
            NotFinite: a loss or the gradient is infinite or NaN, and this guard raises at once.
        """
        norm = get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
        values = torch.stack([value.detach().float().reshape(()) for value in (*terms.values(), norm)])
        names = [*terms, "gradient"]
        if self.raise_at_once:
            if not values.isfinite().all():
                raise NotFinite(step, name, dict(zip(names, values.tolist())), _not_finite(network.named_parameters()))
        else:
            self._defer(step, name, names, values, optimiser)
        if self.clip:
            clip_grads_with_norm_(network.parameters(), self.clip, norm)
        return norm

    def wait(self) -> None:
        """Wait for the device, and raise NotFinite where an update since the last call was not finite."""
        if self._first_bad is None:
            return
        number, values = self._first_bad
        first = int(number.item())
        if first >= 0:
            step, name, names = self._updates[first - self._seen]
            raise NotFinite(step, name, dict(zip(names, values.tolist())), [])
        self._seen += len(self._updates)
        self._updates.clear()

    def _defer(self, step: int, name: str, names: list[str], values: Tensor, optimiser: torch.optim.Optimizer) -> None:
        room = torch.zeros(_MOST_TERMS, device=values.device)
        if self._first_bad is None:
            self._first_bad = torch.full((), -1, dtype=torch.long, device=values.device), room.clone()
        first, first_values = self._first_bad
        room[: len(names)] = values
        number = self._seen + len(self._updates)
        self._updates.append((step, name, names))
        here = (first < 0) & ~values.isfinite().all()
        first = torch.where(here, number, first)
        self._first_bad = first, torch.where(here, room, first_values)
        # Fused optimisers leave the weights alone where this is 1; torch's annotations do not have it.
        optimiser.found_inf = (first >= 0).float()  # type: ignore[attr-defined]


def _not_finite(parameters: Iterable[tuple[str, nn.Parameter]], most: int = 10) -> list[str]:
    return [name for name, p in parameters if p.grad is not None and not p.grad.isfinite().all()][:most]


def stopped_by(
    error: NotFinite, folder: Path, source: SampleSource, samples: Iterable[int], write: bool
) -> CaptureError:
    """The error that ends a run after an update that was not finite. Writes <folder>/not_finite.json about the batch.

    Args:
        source: of the training samples, which describes each sample.  samples: the numbers of the batch's samples.
        write: false in the processes of a job that do not write.
    """
    report = {
        "step": error.step + 1,
        "network": error.network,
        "terms": {name: str(value) for name, value in error.terms.items()},
        "parameters": error.parameters,
        "samples": [{"sample": number, **source.describe(number)} for number in samples],
    }
    if write:
        write_bytes(folder / REPORT, json.dumps(report, indent=1).encode())
    bad = " and ".join(f"{name} is {value}" for name, value in error.bad.items())
    return CaptureError(
        f"{folder}, step {error.step + 1}, update of {error.network}: {bad}; no weight has taken it up, the last "
        f"checkpoint is kept, and {REPORT} lists the batch's files: lower lr_G and lr_D, set clip_grad_norm, or use "
        "--precision fp32"
    )
