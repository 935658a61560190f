"""Compiled networks make the same pictures and learn the same as others. These tests need a C++ compiler."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.methods.base import Generator
from capture.methods.build import batch_keys
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import ConvBlock, ResBlock
from capture.training.trainer import Trainer
from capture.training.utilisation import COUNTED
from tests.helpers.toy_method import register_toy, toy_config

pytestmark = pytest.mark.compiler
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def quick_compiler(monkeypatch):
    """The C++ compiler does not optimise, which takes most of its time; what torch writes for it is the same."""
    monkeypatch.setenv("TORCHINDUCTOR_DEBUG_COMPILE", "1")


class Blocks(Generator):
    """One of each kind of block of the published network, in the three parts that are compiled one by one."""

    def __init__(self):
        super().__init__()
        self.identity, self.pose = ConvBlock(3, 8, norm="in"), ResBlock(3, 8, sample="down", norm="in")
        self.attention = ReverseAttention(8, t=1, alpha=0.5)
        self.up, self.to_rgb = ResBlock(8, 8, sample="up"), torch.nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, inputs, noise=None, details=False):
        return self.decode(self.encode_identity(inputs, noise), self.encode_pose(inputs), noise)

    def encode_identity(self, inputs, noise):
        return {"identity": self.identity(F.avg_pool2d(inputs["identity"], 2))}

    def encode_pose(self, inputs):
        return {"pose": self.pose(inputs["pose"])}

    def decode(self, identity, pose, noise):
        h = self.attention(pose["pose"], identity["identity"], pose["pose"])
        return torch.tanh(self.to_rgb(self.up(h)))


class TestCompiledRendering:
    def test_pictures_are_those_of_eager_rendering_and_one_size_of_batch_is_compiled(self):
        """A short last batch is filled up: nothing is compiled for it."""
        from torch._dynamo.utils import counters

        torch.manual_seed(0)
        generator, config = Blocks(), {"dataset_config": {"image_size": 16}}
        eager, compiled = (
            PoseTransfer(copy.deepcopy(generator), config, CPU, compiled=compiled) for compiled in (False, True)
        )
        identity, pose = torch.rand(2, 4, 3, 16, 16) * 2 - 1
        counters.clear()
        want, made = eager.transfer(identity, pose), compiled.transfer(identity, pose)
        assert want.std() > 0.05 and counters["stats"]["unique_graphs"] == 3
        torch.testing.assert_close(made, want, rtol=1e-3, atol=1e-4)
        identity, pose = torch.randint(0, 256, (2, 6, 3, 16, 16), dtype=torch.uint8)
        assert len(compiled.render(identity, pose, batch_size=4)) == 6
        assert counters["stats"]["unique_graphs"] == 3
        assert len(list(compiled.drive(identity[:1], iter(pose), batch_size=4))) == 6
        assert counters["stats"]["unique_graphs"] == 4  # drive encodes its identity alone


class TestCompiledTraining:
    def test_losses_and_weights_are_those_of_eager_training(self, mixamo_tree, tmp_path, monkeypatch):
        """Two compiled updates of two convolutions: the same losses and, up to rounding, the same weights."""
        from torch._dynamo.utils import counters

        register_toy(tmp_path, monkeypatch)
        counters.clear()
        losses, weights = [], []
        for compiled in ("false", "true"):
            config = toy_config(mixamo_tree, "--compile", compiled)
            trainer = Trainer(config, open_data(config, batch_keys(config)), tmp_path / compiled)
            losses.append([metrics["G_target"].item() for metrics in trainer.run_steps(COUNTED + 2)])
            weights.append(trainer.networks["gen"].state_dict())
        assert counters["stats"]["unique_graphs"] > 0
        assert losses[1] == pytest.approx(losses[0], rel=1e-3) and losses[0][0] != losses[0][1]
        assert weights[0].keys() == weights[1].keys()  # without the compiler's prefix, so that every program loads them
        for name, value in weights[0].items():
            # Adam moves a weight by its learning rate, 0.01, each time; where its gradient is near zero, rounding shows
            torch.testing.assert_close(weights[1][name], value, atol=1e-3, rtol=0)
