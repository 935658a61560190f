"""MRAA (MOAA in the paper's table), as one network: source and driving picture -> the source, moved.

Siarohin et al., "Motion Representations for Articulated Animation", CVPR 2021. The parts work on pictures in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from capture.methods.base import Details, Generator, Inputs
from capture.methods.keypoint_warping.autoencoder import from_unit, to_unit
from capture.methods.keypoint_warping.motion import Motion
from capture.methods.keypoint_warping.relative import relative_frames, relative_positions, size_ratio
from capture.methods.keypoint_warping.tps import Deformation
from capture.methods.mraa.avd import AvdNetwork, rescale
from capture.methods.mraa.background import BackgroundPredictor
from capture.methods.mraa.region_generator import RegionGenerator
from capture.methods.mraa.regions import RegionPredictor, Regions
from capture.nn.hourglass import check_heat_map, check_hourglass

MODES = ("absolute", "relative", "avd")


@dataclass
class MraaDetails(Details):
    """What MRAA computed on the way to its picture.

    Attributes:
        prediction: the picture (B, 3, S, S) in [0, 1].
        source, driving: regions of the identity and of the pose.
        deformed: regions of the deformed pose picture; None without a deformation.
        rebuilt: the pose's regions as the AVD network rebuilt them; None without `stretch` or without that network.
        motion: the flow from the driving to the source picture.
    """

    prediction: Tensor
    source: Regions
    driving: Regions
    deformed: Regions | None
    rebuilt: Regions | None
    motion: Motion


class RegionDetails(NamedTuple):
    """What the AVD network alone learns from: regions of the pose, and as the network rebuilt them."""

    driving: Regions
    rebuilt: Regions


class Mraa(Generator):
    """The region predictor, the background predictor, the generator and, for mode "avd", the AVD network.

    Args:
        options: a MraaConfig as a dictionary.
        avd_network: becomes part of this network, saved and averaged with it.
    """

    relative = True
    newer_parts: ClassVar[tuple[str, ...]] = ("avd_network.",)  # a result without that network may be started from

    def __init__(self, options: dict[str, Any], avd_network: AvdNetwork | None = None):
        super().__init__()
        self.options, self.align_corners, self.mode = options, options["align_corners"], options["mode"]
        if self.mode not in MODES:
            raise ValueError(f"mode '{self.mode}' is none of {', '.join(MODES)}")
        self.region_predictor = RegionPredictor(
            options["num_regions"], estimate_affine=options["estimate_affine"], **options["region_predictor"]
        )
        self.bg_predictor = BackgroundPredictor(**options["background"])
        self.generator = RegionGenerator(
            options["num_regions"],
            revert_axis_swap=options["revert_axis_swap"],
            pixelwise_flow=options["pixelwise_flow"],
            align_corners=self.align_corners,
            **options["generator"],
        )
        self.avd_network = avd_network

    def check_size(self, size: int) -> None:
        for section in ("region_predictor", "pixelwise_flow"):
            check_hourglass(size, self.options[section]["num_blocks"], self.options[section]["scale_factor"], section)
        check_hourglass(size, self.options["generator"]["num_down_blocks"], 1, "generator")
        if self.options["background"]["bg_type"] != "zero":
            check_hourglass(size, self.options["background"]["num_blocks"], 1, "background")
        predictor = self.options["region_predictor"]
        check_heat_map(size, predictor["scale_factor"], "region_predictor", predictor["pad"])

    def forward(
        self,
        inputs: Inputs,
        noise: Tensor | None = None,
        details: bool = False,
        deformation: Deformation | None = None,
        stretch: Tensor | None = None,
    ) -> Tensor | MraaDetails | RegionDetails:
        """Transfer in the configured mode; "relative" needs a video (see transfer_relative) and is absolute here.

        With `details` the pass is the one of training: absolute, and the background moves as predicted, because both
        pictures are of one video. Transfer leaves the background still, as published: two pictures of different bodies
        have no common background.

        Args:
            inputs: identity and pose, (B, 3, S, S) in [-1, 1] each.  noise: unused; the method has none.
            details: return MraaDetails, for the losses, in place of the picture; in stage avd, RegionDetails.
            deformation: with `details`, also find the regions of the deformed pose picture.
            stretch: (B, 2) factors: with `details`, also have the AVD network, if there is one, rebuild the pose's
                regions from the identity's and from themselves, stretched. Its inputs are detached, so that avd_loss
                trains the AVD network alone.
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        """
        if not details:
            return self.transfer(inputs, "absolute" if self.mode == "relative" else self.mode)
        source_image, driving_image = to_unit(inputs["identity"]), to_unit(inputs["pose"])  # (B, 3, S, S)
        source, driving = self.region_predictor(source_image), self.region_predictor(driving_image)  # shift (B, K, 2)
        rebuilt = None
        if stretch is not None and self.avd_network is not None:
            rebuilt = self.avd_network(source.detach(), rescale(driving.detach(), stretch))
            if self.options["stage"] == "avd":
                return RegionDetails(driving.detach(), rebuilt)
        background = self.bg_predictor(source_image, driving_image)  # (B, 3, 3)
        prediction, motion = self.generator(source_image, driving, source, background)  # (B, 3, S, S)
        deformed = None
        if deformation is not None:
            deformed = self.region_predictor(deformation.picture(driving_image, self.align_corners))
        return MraaDetails(from_unit(prediction), prediction, source, driving, deformed, rebuilt, motion)

    def transfer(self, inputs: Inputs, mode: str, first_pose: Tensor | None = None) -> Tensor:
        """The identity moved by another body's pose.

        Args:
            inputs: identity and pose, (B, 3, S, S) in [-1, 1] each.
            mode: absolute: regions are where the pose has them; relative: they move as the driver's have moved since
                its first frame, scaled to the identity's size; avd: the AVD network fits them to the identity.
            first_pose: the driver's first frame, (B, 3, S, S) in [-1, 1], for mode "relative".
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        Raises:
            ValueError: no such mode, relative without a first frame, or avd without the AVD network.
        """
        source_image = to_unit(inputs["identity"])  # (B, 3, S, S)
        source, driving = self.region_predictor(source_image), self.region_predictor(to_unit(inputs["pose"]))
        if mode == "relative":
            if first_pose is None:
                raise ValueError("mode relative needs first_pose, the driver's first frame")
            driving = relative_regions(source, driving, self.region_predictor(to_unit(first_pose)))
        elif mode == "avd":
            if self.avd_network is None:
                raise ValueError("mode avd needs an AVD network, and this one was built without")
            driving = self.avd_network(source, driving)
        elif mode != "absolute":
            raise ValueError(f"mode '{mode}' is none of {', '.join(MODES)}")
        return from_unit(self.generator(source_image, driving, source)[0])

    def transfer_relative(self, inputs: Inputs, first_pose: Tensor) -> Tensor:
        return self.transfer(inputs, "relative", first_pose)


def relative_regions(source: Regions, driving: Regions, first: Regions) -> Regions:
    """The source's regions moved as the driver's have moved since `first`; covariances stay the driver's."""
    shift = relative_positions(source.shift, driving.shift, first.shift, size_ratio(source.shift, first.shift))
    affine = None
    if driving.affine is not None:
        affine = relative_frames(source.frames, driving.affine, first.frames)  # (B, K, 2, 2)
    return Regions(shift, affine, driving.covar)
