"""Compiled networks make the same pictures and learn the same as others. These tests need a C++ compiler."""

from __future__ import annotations

import copy

import pytest
import torch

from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.methods.base import Generator
from capture.methods.build import batch_keys, build_generator
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tests.helpers.toy_method import register_toy, toy_config

pytestmark = pytest.mark.compiler
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def quick_compiler(monkeypatch):
    """The C++ compiler does not optimise, which takes most of its time; what torch writes for it is the same."""
    monkeypatch.setenv("TORCHINDUCTOR_DEBUG_COMPILE", "1")


class ThreeConvolutions(Generator):
    """One convolution in each of the three parts that are compiled one by one."""

    def __init__(self):
        super().__init__()
        self.identity, self.pose, self.both = (torch.nn.Conv2d(n, 3, 3, padding=1) for n in (3, 3, 6))

    def forward(self, inputs, noise=None, details=False):
        return self.decode(self.encode_identity(inputs, noise), self.encode_pose(inputs), noise)

    def encode_identity(self, inputs, noise):
        return {"identity": self.identity(inputs["identity"])}

    def encode_pose(self, inputs):
        return {"pose": self.pose(inputs["pose"])}

    def decode(self, identity, pose, noise):
        return torch.tanh(self.both(torch.cat([identity["identity"], pose["pose"]], dim=1)))


class TestCompiledRendering:
    def test_pictures_are_those_of_eager_rendering(self):
        """Of the published network, tiny, with random weights, and attention that counts."""
        torch.manual_seed(0)
        config = tiny_config("--alpha_init", "0.5")
        generator = build_generator(config)
        for parameter in generator.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        eager, compiled = (
            PoseTransfer(copy.deepcopy(generator), config, CPU, compiled=compiled) for compiled in (False, True)
        )
        identity, pose = torch.rand(2, 2, 3, 32, 32) * 2 - 1
        want, made = eager.transfer(identity, pose), compiled.transfer(identity, pose)
        assert want.std() > 0.05
        torch.testing.assert_close(made, want, rtol=1e-3, atol=1e-4)

    def test_one_size_of_batch_is_compiled(self):
        """A short last batch is filled up: nothing is compiled for it."""
        from torch._dynamo.utils import counters

        transfer = PoseTransfer(ThreeConvolutions(), {"dataset_config": {"image_size": 16}}, CPU, compiled=True)
        identity, pose = torch.randint(0, 256, (2, 6, 3, 16, 16), dtype=torch.uint8)
        counters.clear()
        assert len(transfer.render(identity, pose, batch_size=4)) == 6
        assert counters["stats"]["unique_graphs"] == 3
        assert len(list(transfer.drive(identity[:1], iter(pose), batch_size=4))) == 6
        assert counters["stats"]["unique_graphs"] <= 4  # drive encodes its identity alone


class TestCompiledTraining:
    def test_losses_and_weights_are_those_of_eager_training(self, mixamo_tree, tmp_path, monkeypatch):
        """Two updates of two convolutions: the same losses and, up to rounding, the same weights."""
        register_toy(tmp_path, monkeypatch)
        losses, weights = [], []
        for compiled in ("false", "true"):
            config = toy_config(mixamo_tree, "--compile", compiled)
            trainer = Trainer(config, open_data(config, batch_keys(config)), tmp_path / compiled)
            losses.append([metrics["G_target"].item() for metrics in trainer.run_steps(2)])
            weights.append(trainer.networks["gen"].state_dict())
        assert losses[1] == pytest.approx(losses[0], rel=1e-3) and losses[0][0] != losses[0][1]
        assert weights[0].keys() == weights[1].keys()  # without the compiler's prefix, so that every program loads them
        for name, value in weights[0].items():
            # Adam moves a weight by its learning rate, 0.01, each time; where its gradient is near zero, rounding shows
            torch.testing.assert_close(weights[1][name], value, atol=1e-3, rtol=0)
