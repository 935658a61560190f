"""A stage before CaPTURe: its body alone learns to read, move and lay out, at a part of the cost of painting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.body_loss import body_loss
from capture.methods.capture import CaPTURe
from capture.methods.method import Method
from capture.models import Generator, init_weights


class SurfaceReading(Method):
    """The generator's body is taught by maps of surfaces (capture.body_loss).

    The rest of the generator stays as it is: what comes out goes on with `method: capture` and `start_from`.
    """

    learning_rates = {"gen": "lr_G"}
    updates = ("gen",)

    def __init__(self, config: dict[str, Any]):
        generator = self.build_generator(config)
        if not config["loss_config"]["gen_surfaceLoss_weight"]:
            raise ValueError("method surfaces: gen_surfaceLoss_weight is 0; without it no surfaces are drawn")
        generator.requires_grad_(False)
        generator.body.requires_grad_(True)
        super().__init__(config, {"gen": generator})

    @staticmethod
    def build_generator(config: dict[str, Any]) -> Generator:
        generator = CaPTURe.build_generator(config)
        if generator.body is None:
            raise ValueError("method surfaces: teaches a body; set generator_config.body_parts")
        return generator

    needs = staticmethod(CaPTURe.needs)

    def initialise(self) -> None:
        init_weights(self.networks["gen"], self.config["main_config"]["init"])

    def draw_randomness(self, batch: int, rng: torch.Generator) -> Tensor:
        return torch.randn(batch, 1, generator=rng)  # which places are asked for

    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        seen = self.trained["gen"](batch["identity"], batch["pose"], painted=False)
        return body_loss(*seen, batch, random[0, 0])
