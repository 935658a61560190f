"""One update of CaPTURe: the generator against the discriminator, with a reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from capture.methods import base
from capture.methods.base import Loss
from capture.methods.capture.discriminator import Discriminator, score_pairs
from capture.methods.capture.generator import CaPTUReGenerator, sample_noise_pair
from capture.methods.capture.losses import adversarial_loss, discriminator_loss, reconstruction_loss
from capture.nn.init import init_weights


class Method(base.Method):
    """x: identity, y: another picture of x's character, p: another character's picture, which gives the pose.

    fusion = G(x, p) has no ground truth; reconstruction = G(y, x) must be x.
    Pairs for D: real (x, y); fake (fusion, y) and (reconstruction, y).
    """

    title = "CaPTURe"
    paper = "An and Choi, Neurocomputing 2023"
    update_order: tuple[str, ...] = ("disc", "gen")

    def __init__(self, config: dict[str, Any]):
        self.losses = config["loss_config"]
        super().__init__(config, {"gen": self.build_generator(config), "disc": build_discriminator(config)})

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> CaPTUReGenerator:
        generator = CaPTUReGenerator(config["generator_config"])
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    def init_weights(self) -> None:
        for network in self.networks.values():
            init_weights(network, self.config["main_config"]["init"])

    def sample_noise(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 2, 2, 4m): the noise of each sample's fusion and of its reconstruction."""
        return sample_noise_pair(self.generator, batch, rng)

    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> Loss:
        x, y, weights = batch["identity"], batch["real"], self.losses
        fusion, reconstruction = self.fakes(name, batch, noise, cache)  # (B, 3, S, S) each
        if name == "disc":
            loss, metrics = self.discriminator_loss(x, y, [fusion, reconstruction])
            return loss * weights["dis_ganLoss_weight"], metrics
        recon, recon_metrics = reconstruction_loss(reconstruction, x)
        gan, gan_metrics = self.adversarial_loss(y, [fusion, reconstruction])
        loss = recon * weights["gen_reconLoss_weight"] + gan * weights["gen_ganLoss_weight"]
        return loss, recon_metrics | gan_metrics

    def discriminator_loss(self, x: Tensor, y: Tensor, fakes: Sequence[Tensor]) -> Loss:
        """L_D. The fakes are detached: this update leaves the generator as it is."""
        real, *scored = score_pairs(self.trained["disc"], [(x, y), *((fake.detach(), y) for fake in fakes)])
        return discriminator_loss(real, scored, self.losses["ganLoss_type"])

    def adversarial_loss(self, y: Tensor, fakes: Sequence[Tensor]) -> Loss:
        """The same fakes before the updated D, whose own weights need no gradient now."""
        with base.frozen(self.networks["disc"]) as discriminator:
            scores = score_pairs(discriminator, [(fake, y) for fake in fakes])
            return adversarial_loss(scores, self.losses["ganLoss_type"])

    def fakes(
        self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None
    ) -> tuple[Tensor, ...]:
        """Fusion and reconstruction from one forward of the generator, which both updates share where they can."""
        if cache is not None and "fakes" in cache:
            known: tuple[Tensor, ...] = cache["fakes"]
            return known
        x, y, p = batch["identity"], batch["real"], batch["pose"]
        inputs = {"identity": torch.cat([x, y]), "pose": torch.cat([p, x])}  # (2B, 3, S, S)
        both = torch.cat([noise[:, 0], noise[:, 1]])  # (2B, 2, 4m)
        with torch.set_grad_enabled(name == "gen" or cache is not None):
            fusion, reconstruction = self.trained["gen"](inputs, both).chunk(2)  # (B, 3, S, S) each
        if cache is not None:
            cache["fakes"] = fusion, reconstruction
        return fusion, reconstruction


def build_discriminator(config: dict[str, Any]) -> nn.Module:
    """The discriminator of `discriminator_config`. ValueError, naming the section, where it can't be built."""
    try:
        discriminator = Discriminator(**config["discriminator_config"])
        discriminator.check_size(config["dataset_config"]["image_size"])
        return discriminator
    except ValueError as error:
        raise ValueError(f"discriminator_config: {error}") from None
