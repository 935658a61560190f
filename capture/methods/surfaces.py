"""A stage before CaPTURe: its encoders alone learn to read surfaces, at a small part of the cost of making pictures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.errors import CaptureError
from capture.methods.capture import CaPTURe
from capture.methods.method import Method
from capture.models import Generator, init_weights
from capture.surfaces import MAPS, code_loss

ROLES = ("identity", "real", "pose", "target")  # pictures that a sample may have


class SurfaceReading(Method):
    """Both encoders, and what the attention makes of them, say for each position which point of a surface it shows.

    Every picture of a sample is read by either encoder. The rest of the generator stays as it is: what comes out goes
    on with `method: capture` and `start_from`.
    """

    learning_rates = {"gen": "lr_G"}
    updates = ("gen",)

    def __init__(self, config: dict[str, Any]):
        generator = self.build_generator(config)
        generator.requires_grad_(False)
        for module in generator.readers():
            module.requires_grad_(True)
        super().__init__(config, {"gen": generator})

    @staticmethod
    def build_generator(config: dict[str, Any]) -> Generator:
        generator = CaPTURe.build_generator(config)
        if not generator.readers():
            raise ValueError("method surfaces: teaches attention whose attn_rows are output; set them so")
        if not config["loss_config"]["gen_surfaceLoss_weight"]:
            raise ValueError("method surfaces: gen_surfaceLoss_weight is 0; without it no surfaces are drawn")
        return generator

    def initialise(self) -> None:
        init_weights(self.networks["gen"], self.config["main_config"]["init"])

    def draw_randomness(self, batch: int, rng: torch.Generator) -> Tensor:
        return torch.zeros(batch, 1)  # nothing is random here

    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        roles = [role for role in ROLES if role + MAPS in batch]
        if not roles:
            raise CaptureError("method surfaces: this data has no maps of surfaces; --dataset_path toon has")
        pictures, maps = (torch.cat([batch[role + end] for role in roles]) for end in ("", MAPS))
        known = maps[:, :1].flatten(1).any(1, keepdim=True)  # (4B, 1)
        found = self.trained["gen"](pictures, pictures, reading=True)
        parts = {
            f"{who}_miss": torch.stack([code_loss(x, maps, known) for x in seen]).mean()
            for who, seen in zip(("identity", "pose"), found)
        }
        return sum(parts.values()), {name: part.detach() for name, part in parts.items()}
