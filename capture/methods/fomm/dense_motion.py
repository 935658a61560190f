"""FOMM's dense motion: first-order motion around each keypoint, blended (Siarohin et al., NeurIPS 2019)."""

from __future__ import annotations

from torch import Tensor

from capture.methods.fomm.keypoints import Keypoints
from capture.methods.keypoint_warping.motion import Motion, MotionNetwork, proposals
from capture.nn.geometry import gaussians, inverse, multiply


class DenseMotionNetwork(MotionNetwork):
    """Source picture (B, 3, S, S) in [0, 1], driving and source Keypoints -> Motion at S * scale_factor.

    Args:
        kp_variance: variance of the Gaussians that show the network where keypoints are.
    """

    def __init__(
        self,
        num_kp: int,
        block_expansion: int,
        max_features: int,
        num_blocks: int,
        scale_factor: float,
        kp_variance: float,
        estimate_occlusion_map: bool,
        align_corners: bool,
    ):
        super().__init__(
            num_kp,
            block_expansion,
            max_features,
            num_blocks,
            scale_factor,
            estimate_occlusion_map,
            show_source=True,
            align_corners=align_corners,
        )
        self.kp_variance = kp_variance

    def forward(self, image: Tensor, driving: Keypoints, source: Keypoints) -> Motion:
        matrix = None
        if driving.jacobian is not None:
            matrix = multiply(source.frames, inverse(driving.jacobian))  # (B, K, 2, 2)

        def heat(height: int, width: int) -> Tensor:
            at_driving = gaussians(driving.value, self.kp_variance, height, width)  # (B, K, h, w)
            return at_driving - gaussians(source.value, self.kp_variance, height, width)

        def flows(height: int, width: int) -> Tensor:
            return proposals(height, width, driving.value, source.value, matrix, background=None)

        return self.predict(image, heat, flows)
