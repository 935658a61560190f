"""FOMM, the First Order Motion Model, as one network: source and driving picture -> the source, moved.

Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019. Everything inside works on [0, 1].
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from capture.methods.fomm.keypoints import KeypointDetector, Keypoints
from capture.methods.fomm.warping_generator import WarpingGenerator
from capture.methods.keypoint_warping.noiseless import Noiseless
from capture.methods.keypoint_warping.ranges import from_unit, to_unit
from capture.methods.keypoint_warping.relative import relative_frames, relative_positions, size_ratio
from capture.methods.keypoint_warping.tps import Deformation
from capture.nn.hourglass import check_heat_map, check_hourglass


class Fomm(Noiseless):
    """The keypoint detector and the generator.

    Args:
        config: num_kp, estimate_jacobian, align_corners and the sections kp_detector, generator and dense_motion,
            each the options of its network.
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        num_kp, self.align_corners = config["num_kp"], config["align_corners"]
        self.kp_detector = KeypointDetector(
            num_kp, estimate_jacobian=config["estimate_jacobian"], **config["kp_detector"]
        )
        self.generator = WarpingGenerator(
            num_kp,
            dense_motion=config["dense_motion"],
            align_corners=self.align_corners,
            **config["generator"],
        )
        self.config = config

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless pictures of side `size` fit this configuration."""
        for section in ("kp_detector", "dense_motion"):
            check_hourglass(size, self.config[section]["num_blocks"], self.config[section]["scale_factor"], section)
        check_hourglass(size, self.config["generator"]["num_down_blocks"], 1, "generator")
        check_heat_map(size, self.config["kp_detector"]["scale_factor"], "kp_detector")

    def forward(
        self,
        identity: Tensor,
        pose: Tensor,
        noise: Tensor | None = None,
        details: bool = False,
        deformation: Deformation | None = None,
    ) -> Tensor | dict[str, Any]:
        """Transfer in absolute mode: the identity with its keypoints where the pose has them.

        Args:
            identity, pose: (B, 3, S, S) in [-1, 1].  noise: ignored; the method has none.
            details: the training pass, for the losses.
            deformation: in the training pass, also find the keypoints of the deformed pose picture.
        Returns:
            (B, 3, S, S) float32 in [-1, 1]; with `details` a dict of `image` (this), `prediction` (the same in [0, 1]),
            `source`, `driving` and `deformed` Keypoints, and the `motion`.
        """
        source_image, driving_image = to_unit(identity), to_unit(pose)
        source, driving = self.kp_detector(source_image), self.kp_detector(driving_image)
        prediction, motion = self.generator(source_image, driving, source)
        image = from_unit(prediction)
        if not details:
            return image
        deformed = None
        if deformation is not None:
            deformed = self.kp_detector(deformation.picture(driving_image, self.align_corners))
        return {
            "image": image,
            "prediction": prediction,
            "source": source,
            "driving": driving,
            "deformed": deformed,
            "motion": motion,
        }

    def transfer_relative(self, identity: Tensor, pose: Tensor, first_pose: Tensor, adapt_scale: bool = True) -> Tensor:
        """A frame of a video in relative mode: the identity moves as the driver has moved since its first frame.

        The identity's picture should be in about the pose of that first frame.

        Args:
            identity, pose, first_pose: (B, 3, S, S) in [-1, 1].
            adapt_scale: motions as large as the identity's body is, compared with the driver's.
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        """
        source_image = to_unit(identity)
        source, driving, first = (self.kp_detector(i) for i in (source_image, to_unit(pose), to_unit(first_pose)))
        scale = size_ratio(source.value, first.value) if adapt_scale else 1.0
        value = relative_positions(source.value, driving.value, first.value, scale)
        jacobian = None
        if driving.jacobian is not None:
            jacobian = relative_frames(source.jacobian, driving.jacobian, first.jacobian)
        return from_unit(self.generator(source_image, Keypoints(value, jacobian), source)[0])
