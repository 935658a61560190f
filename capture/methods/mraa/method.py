"""MRAA (Siarohin et al., CVPR 2021; MOAA in the paper's table) as a method: y is rebuilt from x and y's regions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Method
from capture.methods.keypoint_warping.driving import driving_and_truth, target_need
from capture.methods.keypoint_warping.init import initialise
from capture.methods.keypoint_warping.losses import avd_loss, mraa_loss
from capture.methods.keypoint_warping.ranges import to_unit
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.methods.mraa.avd import AvdNetwork, stretch_factors
from capture.methods.mraa.network import Mraa
from capture.methods.perceptual import perceptual_loss


class MRAA(Method):
    """Source x, driving y: two frames of one character. The AVD network learns beside, from the same regions.

    The authors train it afterwards, on fixed regions; here it follows them, in one run. With true_targets another's
    pose drives (capture.methods.keypoint_warping.driving), in mode absolute: AVD takes over motions of one body.
    """

    learning_rates = {"gen": "lr_G"}
    updates = ("gen",)

    def __init__(self, config: dict[str, Any]):
        self.options, self.mraa = config["baseline_config"], config["baseline_config"]["mraa"]
        if self.options["true_targets"] and self.mraa["mode"] == "avd":
            raise ValueError(
                "baseline_config.true_targets: the AVD network learns from one body; set mraa.mode absolute"
            )
        self.perceptual = perceptual_loss(config)
        super().__init__(config, {"gen": self.build_generator(config)})
        self.smallest_pass = 2 if self.mraa["mode"] == "avd" else 1

    @staticmethod
    def build_generator(config: dict[str, Any]) -> Mraa:
        options = config["baseline_config"]
        mraa = options["mraa"]
        avd = None
        if mraa["mode"] == "avd":
            avd = AvdNetwork(mraa["num_regions"], revert_axis_swap=mraa["revert_axis_swap"], **mraa["avd"])
        generator = Mraa({**mraa, "align_corners": options["align_corners"]}, avd)
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    needs = staticmethod(target_need)

    def initialise(self) -> None:
        for network in self.networks.values():
            initialise(network)

    def draw_randomness(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 6 + points_tps^2 + 2): how each sample is bent, and its body stretched for AVD."""
        deformations = draw_deformations(batch, self.options["transform"]["points_tps"], rng)
        return torch.cat([deformations, torch.rand(batch, 2, generator=rng)], dim=1)

    def loss(
        self, name: str, batch: dict[str, Tensor], random: Tensor, kept: dict[str, Any] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        deformation = Deformation(random[:, :-2], **self.options["transform"])
        factors = stretch_factors(random[:, -2:], self.mraa["random_scale"])
        driving, truth = driving_and_truth(batch, self.options)
        details = self.trained["gen"](
            batch["identity"], driving, details=True, deformation=deformation, stretch=factors
        )
        weights = self.mraa["loss_weights"]
        loss, parts = mraa_loss(
            details, to_unit(truth), deformation, self.perceptual, weights, self.mraa["revert_axis_swap"]
        )
        if details["rebuilt"] is not None:
            more, avd_parts = avd_loss(details["rebuilt"], details["driving"].detach(), weights)
            loss, parts = loss + more, {**parts, **avd_parts}
        return loss, parts
