"""Stages before CaPTURe: its body alone learns, to read or all it does, at a part of the cost of painting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from capture.methods.base import Method
from capture.methods.capture.generator import Generator
from capture.methods.capture.method import CaPTURe
from capture.methods.capture_parts.attention_loss import MAPS
from capture.methods.capture_parts.losses import body_loss, read_loss
from capture.nn.init import init_weights


class SurfaceReading(Method):
    """The generator's body is taught by maps of surfaces (capture.methods.capture_parts.losses).

    The rest of the generator stays as it is: what comes out goes on with `method: capture` and `start_from`. With
    `body_learns: motion` how parts are read stays as it is too, which the body's other losses would spoil; with
    `body_learns: layout` only that learns, from a reader and a motion that no longer change under it.
    """

    learning_rates = {"gen": "lr_G"}
    updates = ("gen",)
    body_stages = ("all", "motion", "layout")

    def __init__(self, config: dict[str, Any]):
        generator = self.build_generator(config)
        if not config["loss_config"]["gen_surfaceLoss_weight"]:
            raise ValueError(f"{_method(config)}: gen_surfaceLoss_weight is 0; without it no surfaces are drawn")
        learns = config["train_config"]["body_learns"]
        generator.body.to_reader = config["train_config"]["body_to_reader"]
        generator.requires_grad_(False)
        self.learns(generator).requires_grad_(True)
        if learns == "motion":
            generator.body.reader.settle()
        elif learns == "layout":
            generator.body.tune_layout()
        super().__init__(config, {"gen": generator})

    @staticmethod
    def learns(generator: Generator) -> nn.Module:
        """What of the generator is taught."""
        return generator.body

    @staticmethod
    def build_generator(config: dict[str, Any]) -> Generator:
        generator = CaPTURe.build_generator(config)
        if generator.body is None:
            raise ValueError(f"{_method(config)}: teaches a body; set generator_config.body_parts")
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


class PictureReading(SurfaceReading):
    """The body's reader alone, on all pictures of a sample, each by itself: several times as many in the same time.

    What comes out goes on with `method: surfaces`.
    """

    body_stages = ("all",)

    @staticmethod
    def learns(generator: Generator) -> nn.Module:
        return generator.body.reader

    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        roles = [role.removesuffix(MAPS) for role in batch if role.endswith(MAPS)]
        pictures, maps = (torch.cat([batch[role + end] for role in roles]) for end in ("", MAPS))
        return read_loss(self.trained["gen"](pictures, None, painted=False), maps)


def _method(config: dict[str, Any]) -> str:
    return f"method {config['main_config']['method']}"
