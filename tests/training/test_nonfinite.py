"""A loss or gradient that is no number stops the run at that step, before any weight takes it up."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.common.errors import CaptureError
from capture.data.open_data import open_data
from capture.training.nonfinite import Guard, NotFinite
from capture.training.trainer import Trainer
from tests.conftest import tiny_config


def poisoned(trainer: Trainer, at: int, what: str) -> None:
    """From step `at` on, spoil the generator's loss, or only its gradient."""
    real = trainer.method.loss

    def loss(name, batch, noise, cache):
        value, metrics = real(name, batch, noise, cache)
        if trainer.step_number >= at and name == "gen":
            if what == "loss":
                return value * math.inf, metrics | {"G_recon": metrics["G_recon"] * math.nan}
            if what == "overflow":
                return value * 1e38 * 1e38, metrics
            weight = trainer.networks["gen"].decoder.to_rgb.conv.weight
            weight.register_hook(lambda grad: grad * math.nan)
        return value, metrics

    trainer.method.loss = loss


def network() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Linear(3, 1, bias=False)
    nn.init.ones_(model.weight)
    return model, torch.optim.Adam(model.parameters(), lr=0.1, fused=True)


@pytest.fixture(scope="module")
def config(mixamo_tree) -> dict:
    return tiny_config("--dataset_path", str(mixamo_tree), "--num_epochs", "4", "--validation_pairs", "0")


@pytest.fixture(scope="module")
def after_seven_updates(config, tmp_path_factory) -> dict[str, torch.Tensor]:
    """The generator's state where nothing went wrong."""
    trainer = Trainer(config, open_data(config), tmp_path_factory.mktemp("clean"))
    trainer.run_steps(7)
    return trainer.networks["gen"].state_dict()


class TestGuard:
    @pytest.mark.parametrize("deferred", (False, True))
    @pytest.mark.parametrize("what", ("loss", "gradient", "overflow"))
    def test_training_stops_at_that_step(self, config, after_seven_updates, mixamo_tree, tmp_path, what, deferred):
        data = open_data(config)
        trainer = Trainer(config, data, tmp_path)
        trainer.guard = Guard(0.0, raise_at_once=not deferred)
        poisoned(trainer, 7, what)
        with pytest.raises(CaptureError) as stopped:
            trainer.train()
        message = str(stopped.value)
        assert "step 8, update of gen" in message and "\n" not in message
        assert ("G_recon is nan" in message) == (what == "loss")
        assert "gradient is nan" in message or "gradient is inf" in message

        assert load_checkpoint(latest_path(tmp_path))["step"] == 6
        report = json.loads((tmp_path / "not_finite.json").read_text())
        assert report["step"] == 8 and report["network"] == "gen"
        assert [sample["sample"] for sample in report["samples"]] == [14, 15]
        for sample in report["samples"]:
            assert {"identity", "real", "pose", "target"} <= sample.keys()
            assert sample["identity"].startswith(str(mixamo_tree)) and sample["identity"].endswith(".png")
        if what == "gradient" and not deferred:
            assert "decoder.to_rgb.conv.weight" in report["parameters"]

        # the weights are those after seven good updates, to the bit
        for name, value in after_seven_updates.items():
            assert torch.equal(value, trainer.networks["gen"].state_dict()[name]), name

        # and the same command goes on from the checkpoint where nothing is wrong
        assert Trainer(config, data, tmp_path).train()

    @pytest.mark.parametrize("raise_at_once", (True, False))
    def test_gradients_are_clipped_to_the_norm(self, raise_at_once):
        model, optimiser = network()
        model.weight.grad = torch.tensor([[3.0, 0.0, 4.0]])
        norm = Guard(1.0, raise_at_once).check(0, "gen", model, optimiser, {"loss": torch.tensor(1.0)})
        assert norm.item() == pytest.approx(5.0)
        torch.testing.assert_close(model.weight.grad, torch.tensor([[0.6, 0.0, 0.8]]))
        model.weight.grad = torch.tensor([[0.3, 0.0, 0.4]])
        Guard(1.0, raise_at_once).check(0, "gen", model, optimiser, {})
        torch.testing.assert_close(model.weight.grad, torch.tensor([[0.3, 0.0, 0.4]]))

    def test_a_deferred_guard_names_the_first_of_several(self):
        model, optimiser = network()
        guard = Guard(0.0, raise_at_once=False)
        for step in range(3):
            model.weight.grad = torch.ones(1, 3)
            guard.check(step, "gen", model, optimiser, {"loss": torch.tensor(0.5)})
            optimiser.step()
        guard.wait()
        before = model.weight.clone()
        for step in range(3, 8):
            model.weight.grad = torch.ones(1, 3)
            value = torch.tensor({4: math.inf, 6: math.nan}.get(step, 0.5))
            guard.check(step, "disc" if step == 6 else "gen", model, optimiser, {"loss": value})
            optimiser.step()
            assert torch.equal(model.weight, before) == (step >= 4)
            before = model.weight.clone()
        with pytest.raises(NotFinite, match="step 4: loss is inf") as caught:
            guard.wait()
        assert caught.value.network == "gen" and caught.value.terms["gradient"] == pytest.approx(3**0.5)
