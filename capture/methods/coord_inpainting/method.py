"""Coordinate inpainting as a method, trained in two stages: the texture's coordinates, then the picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from capture.methods import base
from capture.methods.coord_inpainting import losses
from capture.methods.coord_inpainting.atlas import to_uv, validity
from capture.methods.coord_inpainting.discriminator import PatchDiscriminator
from capture.methods.coord_inpainting.garment import parse_parts, transfer_garment
from capture.methods.coord_inpainting.generator import CoordinateDetails, CoordinateInpainting
from capture.methods.coord_inpainting.published import INPAINTER, REFINER, load_release
from capture.nn.perceptual import PerceptualLoss, check_choice, check_scales
from capture.nn.spectral_norm import SpectralNormConv2d

SECTION = "coord_inpainting_config"


class Method(base.Method):
    """A pair is two pictures of one character, identity and real, with both maps; or, with true_targets, the identity
    and its true target in the pose of another character, driven by the map that `drive` names."""

    title: ClassVar[str] = "Coordinate inpainting"
    paper: ClassVar[str] = "Grigorev et al., CVPR 2019"
    learning_rates: ClassVar[dict[str, str]] = {"gen": "lr_G", "disc": "lr_D"}

    def __init__(self, config: dict[str, Any]):
        self.options = config[SECTION]
        self.weights = self.options["loss_weights"]
        size = config["dataset_config"]["image_size"]
        networks: dict[str, nn.Module] = {"gen": self.build_generator(config)}
        self.update_order = ("gen",)
        paints = self.options["stage"] != "texture"
        if paints and self.weights["adversarial"]:
            networks["disc"] = PatchDiscriminator(self.options["disc_width"])
            self.update_order = ("gen", "disc")
        self.perceptual = None
        if paints and self.weights["perceptual"]:
            net, scales = self.options["perceptual_net"], self.options["perceptual_scales"]
            check_choice(net, self.options["perceptual_weights"])
            check_scales(net, scales, size)
            self.perceptual = PerceptualLoss.load(
                net, self.options["perceptual_weights"], scales, self.options["perceptual_path"] or None
            )
        super().__init__(config, networks)

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> CoordinateInpainting:
        options = config[SECTION]
        size, scales = config["dataset_config"]["image_size"], options["colour_scales"]
        generator = CoordinateInpainting(options, size)
        generator.check_size(size)
        if size < 2 ** (scales - 1):
            raise ValueError(f"{SECTION}.colour_scales {scales}: image_size {size} can't be halved so often; lower it")
        if options["loss_weights"]["correspondence"] and (options["atlas"] != "toon" or generator.texture_size % 5):
            raise ValueError(
                f"{SECTION}.loss_weights.correspondence needs atlas toon and a texture_size that 20 divides"
            )
        return generator

    @classmethod
    def batch_keys(cls, config: dict[str, Any]) -> dict[str, str]:
        options = config[SECTION]
        why = "coordinate inpainting reads dense maps; use toon, or a dataset prepared with --uv"
        if not options["true_targets"]:
            return {"identity_uv": why, "real_uv": why}
        targets = f"{SECTION}.true_targets asks for it; use a dataset with targets, or set it to false"
        return {"identity_uv": why, "real_uv": why, options["drive"]: why, "target_uv": why, "target": targets}

    @classmethod
    def trainable(cls, network: nn.Module, name: str, config: dict[str, Any]) -> list[nn.Module] | None:
        stage = config[SECTION]["stage"]
        if name != "gen" or stage == "joint":
            return None
        return [network.get_submodule("inpainter" if stage == "texture" else "refiner")]

    @classmethod
    def needs_trained(cls, config: dict[str, Any]) -> tuple[str, ...]:
        return ("inpainter",) if config[SECTION]["stage"] == "picture" else ()

    def init_weights(self) -> None:
        """As torch starts its layers; with `fill`, the inpainter starts by correcting nothing."""
        for network in self.networks.values():
            for module in network.modules():
                if isinstance(module, SpectralNormConv2d):
                    _init_spectral(module)
                elif isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                    module.reset_parameters()
        if self.options["fill"]:
            final = self.generator.inpainter.final.conv1
            nn.init.zeros_(final.weight)
            if final.bias is not None:
                nn.init.zeros_(final.bias)

    def loss(
        self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        inputs, truth, truth_map = self.pair(batch)
        if name == "disc":
            picture = (self._picture(inputs, cache) + 1) / 2
            return self._discriminator_loss(with_maps(picture, truth, inputs), truth, truth_map)
        details = self.trained["gen"](inputs, details=True)
        if cache is not None:
            cache["picture"] = details.image.detach()
        if self.options["stage"] == "texture":
            return self._texture_loss(details, truth)
        picture = with_maps((details.image + 1) / 2, truth, inputs)
        loss, metrics = self._picture_loss(picture, truth, truth_map)
        if self.options["stage"] == "joint":
            texture_loss, more = self._texture_loss(details, truth)
            loss, metrics = loss + texture_loss, metrics | more
        return loss, metrics

    def pair(self, batch: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """(the generator's inputs, the picture that is to come out (B, 3, S, S) in [0, 1], its map).

        With true_targets, samples without a target go as pairs of identity and real.
        """
        drive = self.options["drive"]
        target_map, truth, truth_map = batch["real_uv"], batch["real"], batch["real_uv"]
        if self.options["true_targets"]:
            known = batch["has_target"].bool()[:, None, None, None]
            target_map = torch.where(known, batch[drive], target_map)
            truth, truth_map = (
                torch.where(known, batch["target"], truth),
                torch.where(known, batch["target_uv"], truth_map),
            )
        inputs = {"identity": batch["identity"], "identity_uv": batch["identity_uv"], drive: target_map}
        return inputs, (truth.float() + 1) / 2, truth_map

    def _texture_loss(self, details: CoordinateDetails, truth: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        texture, warped, scales = details.texture, details.warped, self.options["colour_scales"]
        parts = {
            "colour": losses.pyramid_l1(warped.picture, truth, warped.mask, scales),
            "coordinates": losses.coordinate_l1(texture.xy, texture.xy_partial, texture.known),
        }
        if self.weights["source"]:
            again = self.generator.warp_texture(texture, texture.uv)
            parts["source"] = losses.pyramid_l1(again.picture, texture.picture, texture.mask, scales)
        if self.weights["correspondence"]:
            parts["correspondence"] = losses.correspondence_l1(texture.xy, texture.xy_partial, texture.known)
        return self._weighted(parts)

    def _picture_loss(self, picture: Tensor, truth: Tensor, truth_map: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        parts = {"l1": (picture - truth).abs().mean()}
        if self.weights["figure_l1"]:
            parts["figure_l1"] = losses.masked_l1(picture, truth, validity(to_uv(truth_map)))
        if self.perceptual is not None:
            parts["perceptual"] = self.perceptual(picture, truth)
        if "disc" in self.networks:
            uv = to_uv(truth_map)
            with base.frozen(self.networks["disc"]) as discriminator:
                parts["adversarial"] = losses.hinge_generator(discriminator(picture, uv, validity(uv)))
        return self._weighted(parts)

    def _discriminator_loss(
        self, picture: Tensor, truth: Tensor, truth_map: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        uv = to_uv(truth_map)
        mask = validity(uv)
        pictures, maps, masks = torch.cat([truth, picture]), torch.cat([uv, uv]), torch.cat([mask, mask])
        real, fake = self.trained["disc"](pictures, maps, masks).chunk(2)
        loss = losses.hinge_discriminator(real, fake)
        return loss, {"D": loss.detach(), "D_real": real.detach().mean(), "D_fake": fake.detach().mean()}

    @torch.no_grad()
    def _picture(self, inputs: dict[str, Tensor], cache: dict[str, Any] | None) -> Tensor:
        """The picture of the generator's update; made again where it was not kept."""
        if cache is not None and "picture" in cache:
            picture: Tensor = cache["picture"]
            return picture
        made: Tensor = self.networks["gen"](inputs)
        return made

    def _weighted(self, parts: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        loss = sum(part * self.weights[name] for name, part in parts.items())
        return loss, {f"G_{name}": part.detach() for name, part in parts.items()}

    @property
    def generator(self) -> CoordinateInpainting:
        return cast(CoordinateInpainting, self.networks["gen"])

    @classmethod
    def published_names(cls) -> frozenset[str]:
        """Entries of the release's inpainter.pth, a plain state dict."""
        return frozenset({"gate1.conv_f.weight", "gate1.conv_m.weight", "final.conv1.weight"})

    @classmethod
    def transfer_garment(
        cls, generator: CoordinateInpainting, inputs: base.Inputs, garment: Tensor, garment_uv: Tensor, parts: str
    ) -> Tensor:
        names = parse_parts(parts, generator.options["atlas"])
        return transfer_garment(generator, inputs, garment, garment_uv, names)

    @classmethod
    def published_files(cls) -> frozenset[str]:
        return frozenset({INPAINTER, REFINER})

    @classmethod
    def load_published(cls, path: Path, config: dict[str, Any]) -> CoordinateInpainting:
        """The release's networks.

        Args:
            path: the folder of inpainter.pth and refiner.pth, or either file.
        """
        folder = path if path.is_dir() else path.parent
        options = config.get(SECTION, {})
        return load_release(folder, config["dataset_config"]["image_size"], options.get("align_corners", False))


def with_maps(picture: Tensor, truth: Tensor, inputs: base.Inputs) -> Tensor:
    """The pictures, but the truth itself for samples that lack a map, so that nothing is learnt from these."""
    usable = torch.ones(len(picture), 1, 1, 1, dtype=torch.bool, device=picture.device)
    for role, values in inputs.items():
        if role.endswith("_uv"):
            usable = usable & (validity(to_uv(values)).amax(dim=(2, 3), keepdim=True) > 0)
    return torch.where(usable, picture, truth)


def _init_spectral(layer: SpectralNormConv2d) -> None:
    """As torch starts a convolution, with fresh vectors for the power iteration."""
    nn.init.kaiming_uniform_(layer.weight_orig, a=math.sqrt(5))
    if layer.bias is not None:
        bound = 1 / math.sqrt(layer.weight_orig[0].numel())
        nn.init.uniform_(layer.bias, -bound, bound)
    vectors: tuple[Tensor, ...] = (layer.get_buffer("weight_u"), layer.get_buffer("weight_v"))
    for vector in vectors:
        vector.copy_(nn.functional.normalize(torch.randn_like(vector), dim=0))
