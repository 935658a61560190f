"""FOMM (Siarohin et al., NeurIPS 2019) as a method: y is rebuilt from x and y's keypoints; D may judge it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Method, frozen
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.network import Fomm
from capture.methods.keypoint_warping.driving import driving_and_truth, target_need
from capture.methods.keypoint_warping.init import initialise
from capture.methods.keypoint_warping.losses import fomm_discriminator_loss, fomm_loss
from capture.methods.keypoint_warping.ranges import to_unit
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.methods.perceptual import perceptual_loss


class FOMM(Method):
    """Source x, driving y: two frames of one character. D's update uses the picture that G's update was judged by.

    With true_targets another's pose drives (capture.methods.keypoint_warping.driving).
    """

    learning_rates = {"gen": "lr_G", "disc": "lr_D"}

    def __init__(self, config: dict[str, Any]):
        self.options = config["baseline_config"]
        self.weights = self.options["fomm"]["loss_weights"]
        size = config["dataset_config"]["image_size"]
        networks = {"gen": self.build_generator(config)}
        self.updates: tuple[str, ...] = ("gen",)
        if self.weights["generator_gan"]:
            networks["disc"] = MultiScaleDiscriminator(
                num_kp=self.options["fomm"]["num_kp"], **self.options["fomm"]["discriminator"]
            )
            networks["disc"].check_size(size)
            self.updates = ("gen", "disc")
        self.perceptual = perceptual_loss(config)
        super().__init__(config, networks)

    @staticmethod
    def build_generator(config: dict[str, Any]) -> Fomm:
        options = config["baseline_config"]
        generator = Fomm({**options["fomm"], "align_corners": options["align_corners"]})
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    needs = staticmethod(target_need)

    def initialise(self) -> None:
        for network in self.networks.values():
            initialise(network)

    def draw_randomness(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 6 + points_tps^2): each sample's deformation."""
        return draw_deformations(batch, self.options["transform"]["points_tps"], rng)

    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        driving, truth = driving_and_truth(batch, self.options)
        truth = to_unit(truth)
        if name == "disc":
            prediction, keypoints = self._prediction(batch["identity"], driving, kept)
            scores = (self.trained["disc"](picture, keypoints) for picture in (prediction, truth))
            return fomm_discriminator_loss(*scores, self.weights)
        deformation = Deformation(random, **self.options["transform"])
        details = self.trained["gen"](batch["identity"], driving, details=True, deformation=deformation)
        keypoints = details["driving"].detach().value
        if kept is not None:
            kept["prediction"] = details["prediction"].detach(), keypoints
        scores = None
        if "disc" in self.updates:
            with frozen(self.networks["disc"]) as discriminator:
                scores = tuple(discriminator(picture, keypoints) for picture in (details["prediction"], truth))
        return fomm_loss(details, truth, deformation, self.perceptual, self.weights, scores)

    @torch.no_grad()
    def _prediction(self, identity: Tensor, driving: Tensor, kept: dict[str, Any] | None) -> tuple[Tensor, Tensor]:
        """The picture and the keypoints of G's update; made again, by the updated G, where they weren't kept."""
        if kept is not None:
            return kept["prediction"]
        details = self.networks["gen"](identity, driving, details=True)
        return details["prediction"], details["driving"].value
