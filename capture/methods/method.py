"""The contract between a method and the trainer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Need(NamedTuple):
    """A name in samples; and why, and what to do, for people."""

    name: str
    why: str


class Method(ABC):
    """Networks that learn together, and the losses that they learn from.

    The trainer owns devices, precision, processes, optimisers and the order of things: for every name in `updates` it
    asks for `loss(name, ...)`, goes backward and lets that network's optimiser take a step, then asks for the next.

    Attributes:
        networks: by name; "gen" is the one that makes pictures, `gen(identity, pose, noise) -> (B, 3, S, S)` in
            [-1, 1], and the one that the moving average follows. Checkpoints hold them as <name>_state_dict.
        trained: the same names as the trainer wrapped them (for several processes); `loss` calls these where their
            gradients are wanted, and `networks` where they are not.
        updates: networks in the order in which they are updated.
        learning_rates: name -> key of train_config.
        body_stages: the values of train_config.body_learns that it knows.
        smallest_pass: samples that a pass needs at least (batch norm over vectors has nothing to do with one).
    """

    updates: tuple[str, ...]
    learning_rates: dict[str, str]
    body_stages: tuple[str, ...] = ("all",)
    smallest_pass: int = 1

    def __init__(self, config: dict[str, Any], networks: dict[str, nn.Module]):
        self.config, self.networks = config, networks
        self.trained: dict[str, nn.Module] = dict(networks)

    @staticmethod
    @abstractmethod
    def build_generator(config: dict[str, Any]) -> nn.Module:
        """The "gen" network alone. ValueError, naming keys, where the configuration's parts don't fit."""

    @staticmethod
    def needs(config: dict[str, Any]) -> Need | None:
        """What some sample must have beside pictures."""
        return None

    @abstractmethod
    def initialise(self) -> None:
        """Fresh weights, from torch's global generator."""

    @abstractmethod
    def draw_randomness(self, batch: int, rng: torch.Generator) -> Tensor:
        """All that is random in one update, (batch, ...) on the CPU: a row belongs to a sample, whoever works on it."""

    @abstractmethod
    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss that network `name` is to lower, a mean over the batch, and its parts by name, detached.

        Args:
            batch: float images (B, 3, S, S) in [-1, 1]: identity x, real y, pose p; perhaps target, has_target (B,).
            random: this batch's rows of draw_randomness.
            kept: lives for the updates of one batch, to hold what a later update needs again (the pictures made); None
                where the batch comes in several passes and nothing can be kept.
        """


@contextmanager
def frozen(network: nn.Module) -> Iterator[nn.Module]:
    """`network` as a fixed function: gradients pass through it and none are kept for it."""
    network.requires_grad_(False)
    try:
        yield network
    finally:
        network.requires_grad_(True)
