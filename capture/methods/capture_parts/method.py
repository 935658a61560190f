"""One update of CaPTURe-Parts, in any of its stages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from capture.io.iuv import MAPS, PARTS
from capture.io.roles import IDENTITY, identities_in, identity_roles
from capture.methods import base
from capture.methods.base import Loss
from capture.methods.capture.discriminator import Discriminator, score_pairs
from capture.methods.capture.losses import adversarial_loss, discriminator_loss
from capture.methods.capture_parts.adaptation import adaptation_samples
from capture.methods.capture_parts.attention_loss import attention_loss
from capture.methods.capture_parts.face_parts import ALL_PARTS, fold_face_parts
from capture.methods.capture_parts.generator import GROUND, GROUND_KNOWN, LayoutDetails, PartsDetails, PartsGenerator
from capture.methods.capture_parts.losses import alpha_loss, correspondence_loss, segmentation_loss
from capture.methods.capture_parts.mix_style import MOST_PICTURES, draw_style_numbers
from capture.methods.capture_parts.segmenter import Segmentation
from capture.methods.capture_parts.stages import STAGES
from capture.methods.capture_parts.surface_prediction import predict_maps, segment_references
from capture.methods.supervision import target_loss, target_perceptual_loss
from capture.nn.init import init_weights
from capture.nn.perceptual import MAX_STRIDE, lpips_loss

ALPHA, TARGET_GROUND = "target_alpha", "target_ground"  # keys of a batch
NEEDS_TARGETS = "this data has no true targets; the toon renderer and aligned datasets have them; or set it to 0"
NEEDS_MAPS = "this data has no UV maps; the toon renderer and datasets rendered with --uv have them"


class Method(base.Method):
    """x: identity, p: pose, a picture of another character; G(x, p) is compared with its true target, where known."""

    title = "CaPTURe-Parts"
    paper = "this project; based on An and Choi, Neurocomputing 2023"
    adaptation = {
        "capture_parts_config.stage": "refiner",
        "capture_parts_config.loss.discriminator_weight": 0.0,
        "capture_parts_config.loss.adversarial_weight": 0.0,
        "capture_parts_config.loss.target_weight": 5.0,
        "capture_parts_config.loss.perceptual_weight": 30.0,  # with L1 alone, the pictures became blurred
        "capture_parts_config.loss.attention_weight": 0.0,
        "capture_parts_config.loss.alpha_weight": 0.0,
    }

    def __init__(self, config: dict[str, Any]):
        options = config["capture_parts_config"]
        if config["dataset_config"]["toon_face_parts"] and options["num_parts"] < ALL_PARTS:
            raise ValueError(
                f"dataset_config.toon_face_parts needs capture_parts_config.num_parts {ALL_PARTS}; it is "
                f"{options['num_parts']}"
            )
        self.stage, self.weights = STAGES[options["stage"]], options["loss"]
        if options["stage"] == "alpha" and not options["networks"]["figure_alpha"]:
            raise ValueError("capture_parts_config.stage alpha needs capture_parts_config.networks.figure_alpha: true")
        check_weights(options)
        self.mix_style = 0.0 if self.stage.until == "image" else options["mix_style"]
        networks: dict[str, nn.Module] = {"gen": self.build_generator(config)}
        painting = self.stage.until == "image"
        if painting and (self.weights["discriminator_weight"] or self.weights["adversarial_weight"]):
            networks["disc"] = build_discriminator(options["discriminator"], config["dataset_config"]["image_size"])
            self.update_order = ("disc", "gen")
        self.perceptual = None
        if painting and self.weights["perceptual_weight"]:
            self.perceptual = lpips_loss(
                self.weights["perceptual_net"],
                self.weights["perceptual_path"],
                "capture_parts_config.loss.perceptual_weight",
            )
        super().__init__(config, networks)

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> PartsGenerator:
        generator = PartsGenerator(config["capture_parts_config"])
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    @classmethod
    def batch_keys(cls, config: dict[str, Any]) -> dict[str, str]:
        options = config["capture_parts_config"]
        stage, keys = STAGES[options["stage"]], {}
        attention, alpha = (options["loss"][f"{name}_weight"] for name in ("attention", "alpha"))
        if stage.correspondence:
            keys["target_uv"] = f"capture_parts_config.stage {options['stage']} learns from UV maps: {NEEDS_MAPS}"
        elif attention and "decoder" in stage.learns:
            keys["target_uv"] = (
                f"capture_parts_config.loss.attention_weight is {attention}: {NEEDS_MAPS}; or set it to 0"
            )
        if stage.until == "image" and alpha:
            keys[ALPHA] = f"capture_parts_config.loss.alpha_weight is {alpha}: {NEEDS_TARGETS}"
        asks = [name for name in ("target_weight", "perceptual_weight") if options["loss"][name]]
        if stage.until == "image" and asks:
            keys["target"] = f"capture_parts_config.loss: {' and '.join(asks)}: {NEEDS_TARGETS}"
        return keys

    @classmethod
    def trainable(cls, network: nn.Module, name: str, config: dict[str, Any]) -> list[nn.Module] | None:
        if name != "gen":
            return None
        return [network.get_submodule(part) for part in STAGES[config["capture_parts_config"]["stage"]].learns]

    @classmethod
    def needs_trained(cls, config: dict[str, Any]) -> tuple[str, ...]:
        return STAGES[config["capture_parts_config"]["stage"]].reads

    @classmethod
    def adaptation_samples(
        cls, generator: Any, pictures: Tensor, ground: tuple[int, int, int], count: int, seed: int
    ) -> dict[str, Tensor] | None:
        return adaptation_samples(generator, pictures, ground, count, seed)

    @classmethod
    def map_predictor(
        cls, generator: Any, references: Tensor, reference_maps: Tensor
    ) -> Callable[[Tensor, int], Tensor] | None:
        if generator.segmenter.num_parts != len(PARTS):
            return None
        known = segment_references(generator, references, reference_maps)
        return lambda pictures, side: predict_maps(generator, pictures, known, side)

    def init_weights(self) -> None:
        for network in self.networks.values():
            init_weights(network, self.config["main_config"]["init"])

    def sample_noise(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 2 noise_dim + 3): the generator's noise; where grids of the losses begin: three numbers in [0, 1).

        Where styles are mixed, the 2 MOST_PICTURES numbers that decide it come first.
        """
        noise = self.generator.sample_noise(batch, generator=rng).flatten(1)
        parts = [noise, torch.rand(batch, 3, generator=rng)[:1].expand(batch, -1)]
        if self.mix_style:
            parts.insert(0, draw_style_numbers(batch, self.mix_style, rng))
        return torch.cat(parts, dim=1)

    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> Loss:
        styles = None
        if self.mix_style:
            styles, noise = noise[:, : 2 * MOST_PICTURES], noise[:, 2 * MOST_PICTURES :]
        sample_seed, grid_offset = noise[0, -3], (noise[0, -2:] * MAX_STRIDE).long()
        if self.stage.until == "segmentation":
            return self._segmentation_loss(batch, styles)
        inputs = {**identities_in(batch), "pose": batch["pose"]}
        if TARGET_GROUND in batch:
            inputs |= {GROUND: batch[TARGET_GROUND], GROUND_KNOWN: batch["has_target"]}
        if self.stage.until == "layout":
            laid_out = self.trained["gen"](inputs, until="layout", style_numbers=styles)
            return _correspondence_loss(laid_out, batch, sample_seed)
        made = self._made(name, inputs, noise[:, :-3].unflatten(1, (2, -1)), cache)
        if name == "disc":
            return self._discriminator_loss(batch, made)
        terms = self._picture_losses(batch, made, grid_offset)
        if self.stage.correspondence and "target_uv" in batch:
            correspondence, metrics = _correspondence_loss(made.laid_out, batch, sample_seed)
            metrics = {"G_correspondence": correspondence.detach()} | metrics
            terms.append((self.weights["correspondence_weight"], (correspondence, metrics)))
        if self.weights["attention_weight"] and "target_uv" in batch and "decoder" in self.stage.learns:
            terms.append((self.weights["attention_weight"], self._attention_loss(batch, made, sample_seed)))
        loss, metrics = torch.zeros((), device=batch["identity"].device), {}
        for weight, (term, its_metrics) in terms:
            loss = loss + weight * term
            metrics |= its_metrics
        return loss, metrics

    def _segmentation_loss(self, batch: dict[str, Tensor], styles: Tensor | None) -> Loss:
        roles = [key.removesuffix("_uv") for key in batch if key.endswith("_uv")]
        pictures, maps = (torch.cat([batch[role + end] for role in roles]) for end in ("", "_uv"))
        segmentation: Segmentation = self.trained["gen"](
            {"identity": pictures}, until="segmentation", style_numbers=styles
        )
        return segmentation_loss(segmentation, maps)

    def _made(self, name: str, inputs: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> PartsDetails:
        """One forward of the generator, which both updates share where they can."""
        if cache is not None and "made" in cache:
            known: PartsDetails = cache["made"]
            return known
        with torch.set_grad_enabled(name == "gen" or cache is not None):
            made: PartsDetails = self.trained["gen"](inputs, noise, details=True)
        if cache is not None:
            cache["made"] = made
        return made

    def _picture_losses(
        self, batch: dict[str, Tensor], made: PartsDetails, grid_offset: Tensor
    ) -> list[tuple[float, Loss]]:
        terms: list[tuple[float, Loss]] = []
        if "disc" in self.update_order:
            with base.frozen(self.networks["disc"]) as discriminator:
                logits = score_pairs(discriminator, [(made.image, batch["real"])])
                adversarial = adversarial_loss(logits, self.weights["ganLoss_type"])
            terms.append((self.weights["adversarial_weight"], adversarial))
        if "target" in batch:
            terms.append((self.weights["target_weight"], target_loss(made.image, batch)))
            if self.perceptual is not None:
                distance = partial(self.perceptual, offset=grid_offset)
                perceptual = target_perceptual_loss(made.image, batch, distance)
                terms.append((self.weights["perceptual_weight"], perceptual))
        if self.weights["alpha_weight"] and made.figure_logits is not None and ALPHA in batch:
            terms.append((self.weights["alpha_weight"], alpha_loss(made.figure_logits, batch)))
        return terms

    def _discriminator_loss(self, batch: dict[str, Tensor], made: PartsDetails) -> Loss:
        pairs = [(batch["identity"], batch["real"]), (made.image.detach(), batch["real"])]
        real, fake = score_pairs(self.trained["disc"], pairs)
        loss, metrics = discriminator_loss(real, [fake], self.weights["ganLoss_type"])
        return loss * self.weights["discriminator_weight"], metrics

    def _attention_loss(self, batch: dict[str, Tensor], made: PartsDetails, sample_seed: Tensor) -> Loss:
        """The mean over the attention modules."""
        identity_uv, target_uv = (fold_face_parts(batch[f"{role}_uv"]) for role in (IDENTITY, "target"))
        generator = self.generator
        assert isinstance(generator, PartsGenerator)
        loss, metrics = _mean(
            [
                attention_loss(output.query, output.key, t, identity_uv, target_uv, sample_seed)
                for output, t in zip(made.attention, generator.decoder.attention_temperatures)
            ]
        )
        return loss, {"G_attention": loss.detach()} | metrics


def _correspondence_loss(laid_out: list[LayoutDetails], batch: dict[str, Tensor], sample_seed: Tensor) -> Loss:
    """The mean over the pictures of the identity."""
    maps = [batch[role + MAPS] for role in identity_roles(len(laid_out))]
    return _mean(
        [
            correspondence_loss(*details, {**batch, IDENTITY + MAPS: uv}, sample_seed)
            for details, uv in zip(laid_out, maps)
        ]
    )


def check_weights(options: dict[str, Any]) -> None:
    """Check that a stage that paints has a loss to learn from.

    Args:
        options: the whole of capture_parts_config.
    Raises:
        ValueError: it has none, or a loss of the alpha of a network that predicts none.
    """
    stage, weights = STAGES[options["stage"]], options["loss"]
    if stage.until != "image":
        return
    if weights["alpha_weight"] and not options["networks"]["figure_alpha"]:
        raise ValueError(
            "capture_parts_config.loss.alpha_weight needs capture_parts_config.networks.figure_alpha: true"
        )
    names = ["target", "perceptual", "adversarial", "alpha"]
    names += ["correspondence"] * stage.correspondence + ["attention"] * ("decoder" in stage.learns)
    if not any(weights[f"{name}_weight"] for name in names):
        listed = ", ".join(f"{name}_weight" for name in names)
        raise ValueError(
            f"capture_parts_config.stage {options['stage']} learns from nothing, because its weights of "
            f"capture_parts_config.loss are 0; set one of {listed}"
        )


def _mean(found: list[Loss]) -> Loss:
    """The mean of losses of one kind, and of their metrics."""
    losses, metrics = zip(*found)
    return torch.stack(losses).mean(), {name: torch.stack([one[name] for one in metrics]).mean() for name in metrics[0]}


def build_discriminator(options: dict[str, Any], size: int) -> Discriminator:
    """The discriminator of capture_parts_config.discriminator. ValueError, naming it, where it can't be built."""
    try:
        discriminator = Discriminator(**options)
        discriminator.check_size(size)
        return discriminator
    except ValueError as error:
        raise ValueError(f"capture_parts_config.discriminator: {error}") from None
