"""Liquid Warping GAN (Liu et al., ICCV 2019) as a method: its training pairs, updates and losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from capture.methods import base
from capture.methods.base import frozen
from capture.methods.lwgan import losses
from capture.methods.lwgan.discriminator import PatchDiscriminator
from capture.methods.lwgan.generator import CONDITIONS, LiquidWarpingGenerator
from capture.methods.lwgan.published import STREAMS, load_generator
from capture.methods.lwgan.stream_inputs import erode
from capture.nn.init import init_weights
from capture.nn.iuv import figure_mask
from capture.nn.perceptual import check_scales

NO_MAPS = "this dataset has no UV maps; toon and datasets rendered with --uv do"


class Example(NamedTuple):
    """What one update learns from.

    Attributes:
        reference_uv: (B, 3, S, S), the map that drives.  truth: (B, 3, S, S), the picture that is to come out.
        truth_uv: its map.  counts: (B,) bool, whether a sample has the maps that it needs.
    """

    reference_uv: Tensor
    truth: Tensor
    truth_uv: Tensor
    counts: Tensor


class Method(base.Method):
    """The source is x; its features, warped by the correspondence of two maps, make the truth's picture.

    Published pairs: the map and the picture of y, another frame of x's character. With `true_targets` the map named by
    `drive` and the true target of the transfer.
    """

    title = "LWGAN"
    paper = "Liu et al., ICCV 2019"

    def __init__(self, config: dict[str, Any]):
        options = self.options = config["lwgan_config"]
        self.weights = options["loss_weights"]
        for name, kernel in options["kernels"].items():
            if kernel and kernel % 2 == 0:
                raise ValueError(f"lwgan_config.kernels.{name} {kernel}: the side must be odd, such as {kernel + 1}")
        networks: dict[str, Any] = {"gen": self.build_generator(config)}
        if self.weights["adversarial"]:
            networks["disc"] = PatchDiscriminator(3 + CONDITIONS[options["condition"]][1], **options["discriminator"])
            networks["disc"].check_size(config["dataset_config"]["image_size"])
            self.update_order = ("gen", "disc")
        check_scales(options["perceptual"], (1.0,), config["dataset_config"]["image_size"])
        self.transfer_loss = losses.TransferLoss.load(options["perceptual"], options["perceptual_path"] or None)
        super().__init__(config, networks)

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> LiquidWarpingGenerator:
        generator = LiquidWarpingGenerator(config["lwgan_config"])
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    @classmethod
    def batch_keys(cls, config: dict[str, Any]) -> dict[str, str]:
        options = config["lwgan_config"]
        keys = dict.fromkeys(("identity_uv", "real_uv"), f"main_config.method lwgan: {NO_MAPS}")
        if options["true_targets"]:
            asks = "lwgan_config.true_targets"
            keys[options["drive"]] = f"{asks} with drive {options['drive']}: {NO_MAPS}"
            keys["target"] = f"{asks}: this dataset has no true targets; toon and rendered datasets do, or set it false"
        return keys

    def init_weights(self) -> None:
        for network in self.networks.values():
            init_weights(network, "gaussian")

    def loss(
        self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        example = self._example(batch)
        if name == "disc":
            return self._discriminator_loss(batch, example, cache)
        details = self.trained["gen"](self._inputs(batch, example), details=True)
        if cache is not None:
            cache["transfer"] = details.image.detach(), details.condition
        masks = details.reconstruction_mask, details.mask
        kernel = self.options["kernels"]["figure"]
        targets = [erode(1 - figure_mask(uv), kernel) for uv in (batch["identity_uv"], example.truth_uv)]
        parts = {
            "G_reconstruction": losses.mean_over(losses.l1(details.reconstruction, batch["identity"]), example.counts),
            "G_transfer": self.transfer_loss(details.image, example.truth, example.counts),
            "G_mask": losses.mean_over(losses.mask_loss(masks, targets, self.options["mask_loss"]), example.counts),
            "G_mask_smoothness": losses.mean_over(losses.mask_smoothness(masks), example.counts),
        }
        if "disc" in self.update_order:
            with frozen(self.networks["disc"]) as discriminator:
                scores = discriminator(torch.cat([details.image, details.condition], dim=1))
            parts["G_adversarial"] = losses.mean_over(losses.generator_adversarial(scores), example.counts)
        parts = {part: self.weights[part.removeprefix("G_")] * value for part, value in parts.items()}
        return torch.stack([*parts.values()]).sum(), {part: value.detach() for part, value in parts.items()}

    def _discriminator_loss(
        self, batch: dict[str, Tensor], example: Example, cache: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator on the picture of G's update; made again, by the updated G, where nothing is kept."""
        if cache is not None and "transfer" in cache:
            image, condition = cache["transfer"]
        else:
            with torch.no_grad():
                details = self.networks["gen"](self._inputs(batch, example), details=True)
            image, condition = details.image, details.condition
        pairs = [torch.cat([picture, condition], dim=1) for picture in (example.truth, image)]  # (B, 3 + C, S, S)
        real, fake = self.trained["disc"](torch.cat(pairs)).chunk(2)
        parts = dict(zip(("D_real", "D_fake"), losses.discriminator_adversarial(real, fake)))
        parts = {part: losses.mean_over(value, example.counts) for part, value in parts.items()}
        return torch.stack([*parts.values()]).sum(), {part: value.detach() for part, value in parts.items()}

    def _inputs(self, batch: dict[str, Tensor], example: Example) -> dict[str, Tensor]:
        return {
            "identity": batch["identity"],
            "identity_uv": batch["identity_uv"],
            self.options["drive"]: example.reference_uv,
        }

    def _example(self, batch: dict[str, Tensor]) -> Example:
        """The driving map and the truth: published pairs, or true targets for the samples that have one."""
        reference_uv, truth, truth_uv = batch["real_uv"], batch["real"], batch["real_uv"]
        if self.options["true_targets"] and "target" in batch:
            known = batch["has_target"][:, None, None, None]
            driving = batch[self.options["drive"]]
            reference_uv = torch.where(known, driving, reference_uv)
            truth = torch.where(known, batch["target"], truth)
            target_uv = batch.get("target_uv", driving)
            target_uv = torch.where(_any_figure(target_uv)[:, None, None, None], target_uv, driving)
            truth_uv = torch.where(known, target_uv, truth_uv)
        return Example(reference_uv, truth, truth_uv, _any_figure(batch["identity_uv"]) & _any_figure(reference_uv))

    @classmethod
    def published_names(cls) -> frozenset[str]:
        return frozenset(STREAMS)

    @classmethod
    def load_published(cls, path: Path, config: dict[str, Any]) -> LiquidWarpingGenerator:
        generator = cls.build_generator(config)
        load_generator(path, generator)
        return generator


def _any_figure(uv: Tensor) -> Tensor:
    """Which maps (B, 3, S, S) show a figure at all, (B,) bool."""
    return figure_mask(uv).flatten(1).any(1)
