"""A generator that draws its last map, where that is not background, over the identity."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from capture.methods import base


class MapGenerator(base.Generator):
    """Identity (B, 3, S, S) and maps (B, 3, S, S) uint8 -> (B, 3, S, S); it has one parameter, which it adds."""

    def __init__(self, reads: str):
        super().__init__()
        self.inputs = ("identity", "pose", *reads.split())
        self.brightness = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: base.Inputs, noise: Tensor | None = None, details: bool = False) -> Tensor:
        iuv = inputs[self.inputs[-1]]  # (B, 3, S, S)
        return torch.where(iuv[:, :1] > 0, iuv / 127.5 - 1, inputs["identity"]) + self.brightness


class Method(base.Method):
    title, paper = "Maps", "none: for tests"

    def __init__(self, config: dict[str, Any]):
        super().__init__(config, {"gen": self.build_generator(config)})

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> MapGenerator:
        return MapGenerator(config["map_config"]["reads"])

    def init_weights(self) -> None:
        nn.init.zeros_(self.networks["gen"].brightness)

    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None):
        loss = (self.trained["gen"](batch) - batch["target"]).abs().mean()
        return loss, {"G_target": loss.detach()}
