"""FOMM as a method: y is reconstructed from x and y's keypoints; a discriminator may judge the reconstruction."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from capture.methods.base import Loss, frozen
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.losses import fomm_discriminator_loss, fomm_loss
from capture.methods.fomm.network import Fomm, FommDetails
from capture.methods.fomm.published import NETWORKS, load_fomm
from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.method import KeypointWarpingMethod, driving_and_truth
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations


class Method(KeypointWarpingMethod):
    """Source x, driving y: two frames of one character. With true_targets another character's pose drives.

    The discriminator's update judges the same picture as the generator's update, made before that update.
    """

    title: ClassVar[str] = "FOMM"
    paper: ClassVar[str] = 'Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019'
    load_release = staticmethod(load_fomm)
    section: ClassVar[str] = "fomm_config"

    def __init__(self, config: dict[str, Any]):
        """
        Raises:
            ValueError: as the base class; or feature matching has not one weight for each block of the discriminator.
        """
        options = config[self.section]
        networks: dict[str, nn.Module] = {"gen": self.build_generator(config)}
        if options["loss_weights"]["generator_gan"]:
            discriminator = MultiScaleDiscriminator(num_kp=options["num_kp"], **options["discriminator"])
            discriminator.check_size(config["dataset_config"]["image_size"])
            weights, blocks = options["loss_weights"]["feature_matching"], options["discriminator"]["num_blocks"]
            if len(weights) != blocks:  # the loss would leave out the blocks, or the weights, that are too many
                raise ValueError(f"feature_matching has {len(weights)} weights, the discriminator has {blocks} blocks")
            networks["disc"] = discriminator
        self.update_order = tuple(networks)
        super().__init__(config, networks)

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> Fomm:
        generator = Fomm(config[cls.section])
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    def sample_noise(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 6 + points_tps^2): the deformation of each sample."""
        return draw_deformations(batch, self.options["transform"]["points_tps"], rng)

    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> Loss:
        weights = self.options["loss_weights"]
        driving, truth = driving_and_truth(batch, self.options["true_targets"])
        inputs, truth = {"identity": batch["identity"], "pose": driving}, to_unit(truth)
        if name == "disc":
            prediction, keypoints = self._prediction(inputs, cache)
            fake, real = (self.trained["disc"](picture, keypoints) for picture in (prediction, truth))
            return fomm_discriminator_loss(fake, real, weights)
        deformation = Deformation(noise, **self.options["transform"])
        details: FommDetails = self.trained["gen"](inputs, details=True, deformation=deformation)
        keypoints = details.driving.value.detach()
        if cache is not None:
            cache["prediction"] = details.prediction.detach(), keypoints
        scores = None
        if "disc" in self.update_order:
            with frozen(self.networks["disc"]) as discriminator:
                scores = discriminator(details.prediction, keypoints), discriminator(truth, keypoints)
        return fomm_loss(details, truth, deformation, self.perceptual, weights, scores)

    @torch.no_grad()
    def _prediction(self, inputs: dict[str, Tensor], cache: dict[str, Any] | None) -> tuple[Tensor, Tensor]:
        """The picture and the driving keypoints of the generator's update; without a cache the updated one's."""
        if cache is not None:
            known: tuple[Tensor, Tensor] = cache["prediction"]
            return known
        details: FommDetails = self.networks["gen"](inputs, details=True)
        return details.prediction, details.driving.value

    @classmethod
    def published_names(cls) -> frozenset[str]:
        return NETWORKS
