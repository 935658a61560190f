"""MRAA (MOAA in the paper's table) as a method: y is reconstructed from x and y's regions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from capture.methods.base import Loss
from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.method import KeypointWarpingMethod, driving_and_truth
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.methods.mraa.avd import AvdNetwork, stretch_factors
from capture.methods.mraa.losses import avd_loss, mraa_loss
from capture.methods.mraa.network import Mraa, MraaDetails, RegionDetails
from capture.methods.mraa.published import AVD_NETWORK, NETWORKS, load_mraa


class Method(KeypointWarpingMethod):
    """Source x, driving y: two frames of one character. In mode avd the AVD network learns from their regions.

    The authors train the AVD network afterwards, on fixed regions, as stage avd does; in stage joint it learns beside
    the others. With true_targets another character's pose drives, which mode avd does not allow: its network learns
    from one body.
    """

    title: ClassVar[str] = "MRAA"
    paper: ClassVar[str] = 'Siarohin et al., "Motion Representations for Articulated Animation", CVPR 2021'
    learning_rates: ClassVar[dict[str, str]] = {"gen": "lr_G"}
    load_release = staticmethod(load_mraa)
    section: ClassVar[str] = "mraa_config"

    def __init__(self, config: dict[str, Any]):
        options = config[self.section]
        avd = options["mode"] == "avd"
        if options["true_targets"] and avd:
            raise ValueError("mraa_config.true_targets: the AVD network learns from one body; set mode to absolute")
        if options["stage"] == "avd" and not avd:
            raise ValueError("mraa_config.stage avd trains the AVD network; set mode to avd")
        if not (options["estimate_affine"] or options["region_predictor"]["pca_based"]):
            needs = {
                "mode avd": avd,
                "pixelwise_flow.use_covar_heatmap": options["pixelwise_flow"]["use_covar_heatmap"],
            }
            if name := next((name for name, used in needs.items() if used), None):
                raise ValueError(
                    f"mraa_config.{name} needs frames of the regions beside their centres: set estimate_affine or "
                    "region_predictor.pca_based, or turn it off"
                )
        super().__init__(config, {"gen": self.build_generator(config)})
        self.min_micro_batch = 2 if avd else 1  # the AVD network has batch norm over vectors

    @classmethod
    def build_generator(cls, config: dict[str, Any]) -> Mraa:
        options = config[cls.section]
        avd = None
        if options["mode"] == "avd":
            avd = AvdNetwork(options["num_regions"], revert_axis_swap=options["revert_axis_swap"], **options["avd"])
        generator = Mraa(options, avd)
        generator.check_size(config["dataset_config"]["image_size"])
        return generator

    @classmethod
    def trainable(cls, network: nn.Module, name: str, config: dict[str, Any]) -> list[nn.Module] | None:
        return [network.get_submodule("avd_network")] if config[cls.section]["stage"] == "avd" else None

    @classmethod
    def needs_trained(cls, config: dict[str, Any]) -> tuple[str, ...]:
        return ("region_predictor",) if config[cls.section]["stage"] == "avd" else ()

    def sample_noise(self, batch: int, rng: torch.Generator) -> Tensor:
        """(batch, 6 + points_tps^2 + 2): the deformation of each sample, and the stretch of its body for AVD."""
        deformations = draw_deformations(batch, self.options["transform"]["points_tps"], rng)
        return torch.cat([deformations, torch.rand(batch, 2, generator=rng)], dim=1)

    def loss(self, name: str, batch: dict[str, Tensor], noise: Tensor, cache: dict[str, Any] | None) -> Loss:
        weights = self.options["loss_weights"]
        deformation = Deformation(noise[:, :-2], **self.options["transform"])
        stretch = stretch_factors(noise[:, -2:], self.options["random_scale"])  # (B, 2)
        driving, truth = driving_and_truth(batch, self.options["true_targets"])
        details: MraaDetails | RegionDetails = self.trained["gen"](
            {"identity": batch["identity"], "pose": driving}, details=True, deformation=deformation, stretch=stretch
        )
        if isinstance(details, RegionDetails):
            return avd_loss(details.rebuilt, details.driving, weights)
        loss, terms = mraa_loss(
            details, to_unit(truth), deformation, self.perceptual, weights, self.options["revert_axis_swap"]
        )
        if details.rebuilt is not None:
            avd, avd_terms = avd_loss(details.rebuilt, details.driving.detach(), weights)
            loss, terms = loss + avd, {**terms, **avd_terms}
        return loss, terms

    @classmethod
    def published_names(cls) -> frozenset[str]:
        return NETWORKS

    @classmethod
    def published_config(cls, networks: Collection[str]) -> dict[str, Any]:
        return {} if AVD_NETWORK in networks else {cls.section: {"mode": "absolute"}}
