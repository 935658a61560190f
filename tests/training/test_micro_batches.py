"""A batch in several passes: what the update must not depend on."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
import torch

from capture.training.update import Update


class TwoNetworks:
    """A generator and a discriminator, whose loss notes the generator's weight of the picture that it judges."""

    def __init__(self, order: tuple[str, ...]):
        self.update_order = order
        self.networks = {name: torch.nn.Linear(1, 1) for name in ("gen", "disc")}
        self.trained = self.networks
        self.judged: list[torch.Tensor] = []
        self.cached: list[bool] = []

    def loss(self, name, batch, noise, cache):
        self.cached.append(cache is not None)
        weight = self.networks["gen"].weight
        if name == "gen" and cache is not None:
            cache["picture"] = weight.detach().clone()
        if name == "disc":
            self.judged.append((cache or {}).get("picture", weight.detach().clone()))
        return self.networks[name](batch["identity"]).mean(), {}


def run(order: tuple[str, ...], micro_batches: int) -> tuple[TwoNetworks, torch.Tensor]:
    """One update of a batch of four; the method, and the generator's weight before it."""
    torch.manual_seed(0)
    method = TwoNetworks(order)
    before = method.networks["gen"].weight.detach().clone()
    optimisers = {name: torch.optim.SGD(network.parameters(), 1.0) for name, network in method.networks.items()}
    guard = SimpleNamespace(check=lambda *_: torch.zeros(()))
    processes = SimpleNamespace(device=torch.device("cpu"), keep_apart=lambda *_: contextlib.nullcontext())
    update = Update(method, optimisers, guard, processes, micro_batches, bf16=False)
    update({"identity": torch.ones(4, 1)}, torch.zeros(4, 0), 0)
    assert not torch.equal(method.networks["gen"].weight, before)
    return method, before


@pytest.mark.parametrize("micro_batches", [1, 2, 4])
def test_a_discriminator_that_is_updated_last_judges_pictures_from_before_the_generators_update(micro_batches):
    method, before = run(("gen", "disc"), micro_batches)
    assert len(method.judged) == micro_batches and all(torch.equal(weight, before) for weight in method.judged)


def test_one_that_is_updated_first_keeps_no_graphs_of_several_passes():
    assert run(("disc", "gen"), 1)[0].cached == [True, True]
    assert run(("disc", "gen"), 2)[0].cached == [False] * 4
