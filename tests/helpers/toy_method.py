"""A toy method, two convolutions, in a room that is written into a temporary folder and registered with one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from capture.common.registry import METHODS
from capture.config.load import load_config
from tests.conftest import TINY

OPTIONS = '''
"""The keys of the toy method."""

from typing import Any, ClassVar

from capture.common.options import Section, key


class ToyConfig(Section):
    """Section toy_config."""

    channels: int = key(4, "channels of the hidden layer", ge=1)


class Options(Section):
    """Toy: two convolutions."""

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {"train_config": {"lr_G": 0.01}}

    toy_config: ToyConfig = key(ToyConfig(), "toy")
'''
METHOD = '''
"""Identity and pose through two convolutions, taught by L1 to the true target."""

import torch
from torch import nn

from capture.methods import base
from capture.nn.init import init_weights


class ToyGenerator(base.Generator):
    def __init__(self, channels):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(6, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, inputs, noise=None, details=False):
        image = torch.tanh(self.net(torch.cat([inputs["identity"], inputs["pose"]], dim=1)))
        return base.Details(image) if details else image


class Method(base.Method):
    title, paper = "Toy", "nowhere"

    def __init__(self, config):
        super().__init__(config, {"gen": self.build_generator(config)})

    @classmethod
    def build_generator(cls, config):
        return ToyGenerator(config["toy_config"]["channels"])

    @classmethod
    def batch_keys(cls, config):
        return {"target": "method toy needs true targets"}

    def init_weights(self):
        init_weights(self.networks["gen"])

    def loss(self, name, batch, noise, cache):
        made = self.trained["gen"](batch, details=True)
        loss = (made.image - batch["target"]).abs().mean()
        return loss, {"G_target": loss.detach()}
'''


def register_toy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the toy method's room below `folder` and put its one line into the registry, until the test ends."""
    room = folder / "rooms" / "toy_room"
    room.mkdir(parents=True)
    for name, text in (("__init__.py", ""), ("options.py", OPTIONS), ("method.py", METHOD)):
        (room / name).write_text(text)
    for module in ("toy_room", "toy_room.options", "toy_room.method"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(room.parent)
    monkeypatch.setitem(METHODS, "toy", "toy_room")


def toy_config(tree: Path, *more: str) -> dict[str, Any]:
    """The tiny configuration of the toy method on a dataset."""
    keys = {**TINY, "dataset_path": tree, "channels": 5}
    argv = [part for key, value in keys.items() for part in (f"--{key}", str(value))]
    return load_config([], ["--method", "toy", *argv, *more])
