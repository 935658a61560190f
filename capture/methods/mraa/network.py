"""MRAA (MOAA in the paper's table), as one network: source and driving picture -> the source, moved.

Siarohin et al., "Motion Representations for Articulated Animation", CVPR 2021. Everything inside works on [0, 1].
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from capture.methods.keypoint_warping.noiseless import Noiseless
from capture.methods.keypoint_warping.ranges import from_unit, to_unit
from capture.methods.keypoint_warping.relative import relative_frames, relative_positions, size_ratio
from capture.methods.keypoint_warping.tps import Deformation
from capture.methods.mraa.avd import AvdNetwork, rescale
from capture.methods.mraa.background import BackgroundPredictor
from capture.methods.mraa.region_generator import RegionGenerator
from capture.methods.mraa.regions import RegionPredictor, Regions
from capture.nn.hourglass import check_heat_map, check_hourglass

MODES = ("absolute", "relative", "avd")


class Mraa(Noiseless):
    """The region predictor, the background predictor and the generator; and, to render in mode "avd", its network.

    Args:
        config: num_regions, estimate_affine, revert_axis_swap, align_corners, mode and the sections region_predictor,
            background, generator and pixelwise_flow, each the options of its network.
        avd_network: part of this network from here on, saved and averaged with it.
    """

    def __init__(self, config: dict[str, Any], avd_network: AvdNetwork | None = None):
        super().__init__()
        if config["mode"] not in MODES:
            raise ValueError(f"mode '{config['mode']}' is none of {', '.join(MODES)}")
        regions, self.align_corners, self.mode = config["num_regions"], config["align_corners"], config["mode"]
        self.region_predictor = RegionPredictor(
            regions, estimate_affine=config["estimate_affine"], **config["region_predictor"]
        )
        self.bg_predictor = BackgroundPredictor(**config["background"])
        self.generator = RegionGenerator(
            regions,
            revert_axis_swap=config["revert_axis_swap"],
            pixelwise_flow=config["pixelwise_flow"],
            align_corners=self.align_corners,
            **config["generator"],
        )
        self.avd_network = avd_network
        self.config = config

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless pictures of side `size` fit this configuration."""
        for section in ("region_predictor", "pixelwise_flow"):
            check_hourglass(size, self.config[section]["num_blocks"], self.config[section]["scale_factor"], section)
        check_hourglass(size, self.config["generator"]["num_down_blocks"], 1, "generator")
        if self.config["background"]["bg_type"] != "zero":
            check_hourglass(size, self.config["background"]["num_blocks"], 1, "background")
        predictor = self.config["region_predictor"]
        check_heat_map(size, predictor["scale_factor"], "region_predictor", predictor["pad"])

    def forward(
        self,
        identity: Tensor,
        pose: Tensor,
        noise: Tensor | None = None,
        details: bool = False,
        deformation: Deformation | None = None,
        stretch: Tensor | None = None,
    ) -> Tensor | dict[str, Any]:
        """Transfer in the configured mode; relative needs a video (see transfer) and falls back to absolute here.

        Args:
            identity, pose: (B, 3, S, S) in [-1, 1].  noise: ignored; the method has none.
            details: the training pass, for the losses: absolute, and the background moves as predicted. (Two pictures
                of different bodies have no common background: transfer leaves it still, as published.)
            deformation: in the training pass, also find the regions of the deformed pose picture.
            stretch: (B, 2) factors: in the training pass, also have the AVD network, if this network has one, rebuild
                the pose's regions from themselves, stretched, and the identity's. Both are cut off: avd_loss teaches
                the AVD network alone.
        Returns:
            (B, 3, S, S) float32 in [-1, 1]; with `details` a dict of `image` (this), `prediction` (the same in [0, 1]),
            `source`, `driving`, `deformed` and `rebuilt` Regions (or None), and the `motion`.
        """
        if not details:
            return self.transfer(identity, pose, mode="absolute" if self.mode == "relative" else self.mode)
        source_image, driving_image = to_unit(identity), to_unit(pose)
        source, driving = self.region_predictor(source_image), self.region_predictor(driving_image)
        background = self.bg_predictor(source_image, driving_image)
        prediction, motion = self.generator(source_image, driving, source, background)
        deformed = None
        if deformation is not None:
            deformed = self.region_predictor(deformation.picture(driving_image, self.align_corners))
        rebuilt = None
        if stretch is not None and self.avd_network is not None:
            rebuilt = self.avd_network(source.detach(), rescale(driving.detach(), stretch))
        return {
            "image": from_unit(prediction),
            "prediction": prediction,
            "source": source,
            "driving": driving,
            "deformed": deformed,
            "rebuilt": rebuilt,
            "motion": motion,
        }

    def reconstruct(self, identity: Tensor, pose: Tensor) -> Tensor:
        """Another picture of the same video, (B, 3, S, S) in [-1, 1]: absolute, and the background moves along."""
        return self.forward(identity, pose, details=True)["image"]

    def transfer(
        self, identity: Tensor, pose: Tensor, first_pose: Tensor | None = None, mode: str = "absolute"
    ) -> Tensor:
        """The identity moved by another body's pose.

        Args:
            identity, pose: (B, 3, S, S) in [-1, 1].  first_pose: the driver's first frame, for mode "relative".
            mode: absolute: regions are where the pose has them; relative: they move as the driver's have moved since
                its first frame, scaled to the identity's size; avd: the AVD network fits them to the identity.
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        Raises:
            ValueError: relative without a first frame, or avd without its network.
        """
        source_image = to_unit(identity)
        source, driving = self.region_predictor(source_image), self.region_predictor(to_unit(pose))
        if mode == "relative":
            if first_pose is None:
                raise ValueError("mode relative needs first_pose, the driver's first frame")
            driving = _relative(source, driving, self.region_predictor(to_unit(first_pose)))
        elif mode == "avd":
            if self.avd_network is None:
                raise ValueError("mode avd needs an AVD network, and this one was built without")
            driving = self.avd_network(source, driving)
        elif mode != "absolute":
            raise ValueError(f"mode '{mode}' is none of {', '.join(MODES)}")
        return from_unit(self.generator(source_image, driving, source)[0])

    def transfer_relative(self, identity: Tensor, pose: Tensor, first_pose: Tensor) -> Tensor:
        """A frame of a video in mode "relative"."""
        return self.transfer(identity, pose, first_pose, "relative")


def _relative(source: Regions, driving: Regions, first: Regions) -> Regions:
    """Covariances stay the driver's, as published."""
    shift = relative_positions(source.shift, driving.shift, first.shift, size_ratio(source.shift, first.shift))
    affine = driving.affine
    if affine is not None:
        affine = relative_frames(source.affine, driving.affine, first.affine)
    return Regions(shift, affine, driving.covar)
