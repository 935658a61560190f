"""CaPTURe (An and Choi, Neurocomputing 2023) as a method: G against D, with a reconstruction."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Method, Need, frozen
from capture.methods.capture.discriminator import Discriminator, score_pairs
from capture.methods.capture.generator import Generator
from capture.methods.capture.losses import discriminator_loss, generator_loss
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.methods.capture_parts.attention_loss import MAPS, SURFACE_LOSSES, surface_loss
from capture.methods.capture_parts.losses import body_loss
from capture.nn.init import init_weights
from capture.nn.perceptual import lpips_loss

STRIDE = 16  # of the deepest layer that LPIPS compares


class CaPTURe(Method):
    """fusion = G(x, p) has no ground truth of the released kind; reconstruction = G(y, x) must be x.

    Pairs for D: real (x, y); fake (fusion, y) and (reconstruction, y).
    """

    learning_rates = {"gen": "lr_G", "disc": "lr_D"}
    body_stages = ("all", "layout")

    def __init__(self, config: dict[str, Any]):
        self.losses = config["loss_config"]
        adversarial = bool(self.losses["dis_ganLoss_weight"] or self.losses["gen_ganLoss_weight"])
        self.updates = ("disc", "gen") if adversarial else ("gen",)
        self.rebuilds = self.losses["gen_reconLoss_weight"] > 0
        self.perceptual = None
        if self.losses["gen_perceptualLoss_weight"]:
            self.perceptual = lpips_loss(self.losses["perceptual_net"], self.losses["perceptual_net_path"])
        try:
            discriminator = Discriminator(**config["discriminator_config"])
        except ValueError as error:
            raise ValueError(f"discriminator_config: {error}") from None
        generator = self.build_generator(config)
        super().__init__(config, {"gen": generator, "disc": discriminator})
        self.body = generator.body
        surfaces, attention = (self.losses[f"gen_{which}Loss_weight"] for which in ("surface", "attention"))
        tuned = config["train_config"]["body_learns"] == "layout"
        if tuned and (self.body is None or not surfaces):
            what = "generator_config.body_parts" if self.body is None else "gen_surfaceLoss_weight"
            raise ValueError(f"train_config.body_learns: a layout learns from surfaces; set {what}, or this to all")
        if self.body is not None:  # without its own loss it stays as it is: the pictures' don't reach it
            self.body.watched, self.body.to_reader = surfaces > 0, config["train_config"]["body_to_reader"]
            self.body.requires_grad_(surfaces > 0)
            if tuned:
                self.body.tune_layout()
        elif attention:
            raise ValueError(
                "loss_config.gen_attentionLoss_weight: without a body, gen_surfaceLoss_weight teaches attention; "
                "set this one to 0"
            )
        self.taught = self._taught(generator) if (surfaces if self.body is None else attention) else []

    @staticmethod
    def build_generator(config: dict[str, Any]) -> Generator:
        generator = Generator(config["generator_config"])
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    @staticmethod
    def needs(config: dict[str, Any]) -> Need | None:
        if not config["generator_config"]["body_parts"]:
            return None
        for name in SURFACE_LOSSES:
            if config["loss_config"][name]:
                why = (
                    "surfaces are taught by maps, which this data has not; toon has, and what is drawn with --uv (or 0)"
                )
                return Need("target" + MAPS, f"loss_config.{name}: {why}")
        return None

    def initialise(self) -> None:
        for network in self.networks.values():
            init_weights(network, self.config["main_config"]["init"])

    def draw_randomness(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 2, 2, 4m): the noise of each sample's fusion and of its reconstruction."""
        noise = self.networks["gen"].draw_noise(2 * batch, generator=rng)
        return noise.unflatten(0, (batch, 2))

    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        y = batch["real"]
        pictures = self._pictures(name, batch, random, kept)  # fusion, and reconstruction where it has a weight
        if name == "disc":  # the fakes are cut off from G
            pairs = [(batch["identity"], y), *((picture.detach(), y) for picture in pictures)]
            real, *fakes = score_pairs(self.trained["disc"], pairs)
            return discriminator_loss(real, fakes, self.losses)
        logits = None
        if "disc" in self.updates:  # the same fakes before the updated D, whose own weights need no gradient now
            with frozen(self.networks["disc"]) as discriminator:
                logits = score_pairs(discriminator, [(picture, y) for picture in pictures])
        fusion, reconstruction = pictures if self.rebuilds else (*pictures, None)
        offset = _offset(random)
        perceptual = partial(self.perceptual, offset=offset) if self.perceptual else None
        surfaces = self._surface_losses(batch, offset[0], random[0, 0, 0, 0]) if "target" + MAPS in batch else {}
        return generator_loss(logits, fusion, reconstruction, batch, self.losses, perceptual, surfaces)

    @staticmethod
    def _taught(generator: Generator) -> list[ReverseAttention]:
        """The decoder's attention, from now on watched; ValueError where it is not of a kind that can be taught."""
        modules = list(generator.decoder.attnModule_256)
        if not modules or any(module.rows == "identity" for module in modules):
            raise ValueError(
                "loss_config.gen_surfaceLoss_weight: teaches attention whose attn_rows are output or pose; set "
                "them so, with dec_attn_layers, or the weight to 0"
            )
        for module in modules:
            module.watched = True
        return modules

    def _surface_losses(
        self, batch: dict[str, Tensor], offset: Tensor, chance: Tensor
    ) -> dict[str, tuple[Tensor, dict[str, Tensor]]]:
        """What surfaces teach, for the fusions of the last forward, by what weighs it: a loss, and what is told of it.

        The body, and the attention (means over its modules).
        """
        count, losses = len(batch["identity"]), {}
        if self.body is not None and self.body.watched:
            fusions = (type(part)(*(x[:count] for x in part)) for part in self.body.seen)
            losses["surface"] = body_loss(*fusions, batch, chance)
        if self.taught:
            maps = (batch["identity" + MAPS], batch["target" + MAPS])
            found = [surface_loss(*(x[:count] for x in module.seen), module.t, *maps, offset) for module in self.taught]
            means, told = zip(*found)
            names = {name: [parts[name] for parts in told if name in parts] for parts in told for name in parts}
            parts = {name: torch.stack(values).mean() for name, values in names.items()}
            losses["surface" if self.body is None else "attention"] = torch.stack(means).mean(), parts
        return losses

    def _pictures(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, ...]:
        """Fusion and reconstruction from one generator forward, which both updates share where they can."""
        if kept is not None and "pictures" in kept:
            return kept["pictures"]
        x, y, p = batch["identity"], batch["real"], batch["pose"]
        inputs = (x, p, random[:, 0])  # who, in what pose, noise (B, 2, 4m)
        if self.rebuilds:
            inputs = tuple(torch.cat(pair) for pair in zip(inputs, (y, x, random[:, 1])))
        with torch.set_grad_enabled(name == "gen" or kept is not None):
            images = self.trained["gen"](*inputs)  # (B or 2B, 3, S, S)
        pictures = images.split(len(x))
        if kept is not None:
            kept["pictures"] = pictures
        return pictures


def _offset(random: Tensor) -> Tensor:
    """A shift for the terms that look at a grid, (2,) whole numbers below STRIDE, drawn from this update's noise."""
    return (random[0, 0, 0, :2].abs() * 10_000).long() % STRIDE
