"""FOMM, the First Order Motion Model, as one network: source and driving picture -> the source, moved.

Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019. The parts work on pictures in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from capture.methods.base import Details, Generator, Inputs
from capture.methods.fomm.keypoints import KeypointDetector, Keypoints
from capture.methods.fomm.warping_generator import WarpingGenerator
from capture.methods.keypoint_warping.autoencoder import from_unit, to_unit
from capture.methods.keypoint_warping.motion import Motion
from capture.methods.keypoint_warping.relative import relative_frames, relative_positions, size_ratio
from capture.methods.keypoint_warping.tps import Deformation
from capture.nn.hourglass import check_heat_map, check_hourglass


@dataclass
class FommDetails(Details):
    """What FOMM computed on the way to its picture.

    Attributes:
        prediction: the picture (B, 3, S, S) in [0, 1].
        source, driving: keypoints of the identity and of the pose.
        deformed: keypoints of the deformed pose picture; None without a deformation.
        motion: the flow from the driving to the source picture.
    """

    prediction: Tensor
    source: Keypoints
    driving: Keypoints
    deformed: Keypoints | None
    motion: Motion


class Fomm(Generator):
    """The keypoint detector and the warping generator.

    Args:
        options: a FommConfig as a dictionary.
    """

    relative = True

    def __init__(self, options: dict[str, Any]):
        super().__init__()
        self.options, self.align_corners = options, options["align_corners"]
        self.kp_detector = KeypointDetector(
            options["num_kp"], estimate_jacobian=options["estimate_jacobian"], **options["kp_detector"]
        )
        self.generator = WarpingGenerator(
            options["num_kp"],
            dense_motion=options["dense_motion"],
            align_corners=self.align_corners,
            **options["generator"],
        )

    def check_size(self, size: int) -> None:
        for section in ("kp_detector", "dense_motion"):
            check_hourglass(size, self.options[section]["num_blocks"], self.options[section]["scale_factor"], section)
        check_hourglass(size, self.options["generator"]["num_down_blocks"], 1, "generator")
        check_heat_map(size, self.options["kp_detector"]["scale_factor"], "kp_detector")

    def forward(
        self, inputs: Inputs, noise: Tensor | None = None, details: bool = False, deformation: Deformation | None = None
    ) -> Tensor | FommDetails:
        """Transfer in absolute mode: the identity with its keypoints where the pose has them.

        Args:
            inputs: identity and pose, (B, 3, S, S) in [-1, 1] each.  noise: unused; the method has none.
            details: return FommDetails, for the losses, in place of the picture.
            deformation: with `details`, also find the keypoints of the deformed pose picture.
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        """
        source_image, driving_image = to_unit(inputs["identity"]), to_unit(inputs["pose"])  # (B, 3, S, S)
        source, driving = self.kp_detector(source_image), self.kp_detector(driving_image)  # value (B, K, 2)
        prediction, motion = self.generator(source_image, driving, source)  # (B, 3, S, S)
        image = from_unit(prediction)  # (B, 3, S, S)
        if not details:
            return image
        deformed = None
        if deformation is not None:
            deformed = self.kp_detector(deformation.picture(driving_image, self.align_corners))
        return FommDetails(image, prediction, source, driving, deformed, motion)

    def transfer_relative(self, inputs: Inputs, first_pose: Tensor, adapt_scale: bool = True) -> Tensor:
        """A frame of a video in relative mode: the identity moves as the driver has moved since its first frame.

        The identity's picture should show about the pose of that first frame.

        Args:
            inputs: identity and pose, (B, 3, S, S) in [-1, 1] each.  first_pose: the driver's first frame, likewise.
            adapt_scale: scale motions by the size of the identity's body over the driver's.
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        """
        source_image = to_unit(inputs["identity"])  # (B, 3, S, S)
        source = self.kp_detector(source_image)
        driving, first = self.kp_detector(to_unit(inputs["pose"])), self.kp_detector(to_unit(first_pose))
        scale = size_ratio(source.value, first.value) if adapt_scale else 1.0
        value = relative_positions(source.value, driving.value, first.value, scale)  # (B, K, 2)
        jacobian = None
        if driving.jacobian is not None:
            jacobian = relative_frames(source.frames, driving.jacobian, first.frames)  # (B, K, 2, 2)
        return from_unit(self.generator(source_image, Keypoints(value, jacobian), source)[0])
