"""FOMM's generator: the source's features, warped once; the decoder inpaints what the occlusion map hides."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from capture.methods.fomm.dense_motion import DenseMotionNetwork
from capture.methods.fomm.keypoints import Keypoints
from capture.methods.keypoint_warping.autoencoder import Autoencoder
from capture.methods.keypoint_warping.motion import Motion
from capture.nn.geometry import resize_map, warp_features


class WarpingGenerator(Autoencoder):
    """Source picture (B, 3, S, S) in [0, 1] and two sets of keypoints -> (picture in [0, 1], the Motion of the warp).

    Args:
        dense_motion: options of the DenseMotionNetwork.
    """

    def __init__(
        self,
        num_kp: int,
        block_expansion: int,
        max_features: int,
        num_down_blocks: int,
        num_bottleneck_blocks: int,
        estimate_occlusion_map: bool,
        dense_motion: dict[str, Any],
        align_corners: bool,
    ):
        super().__init__(block_expansion, max_features, num_down_blocks, num_bottleneck_blocks)
        self.align_corners = align_corners
        self.dense_motion_network = DenseMotionNetwork(
            num_kp, estimate_occlusion_map=estimate_occlusion_map, align_corners=align_corners, **dense_motion
        )

    def forward(self, image: Tensor, driving: Keypoints, source: Keypoints) -> tuple[Tensor, Motion]:
        motion = self.dense_motion_network(image, driving, source)
        out = warp_features(self.encode(image)[-1], motion.flow, self.align_corners)  # (B, c, S/4, S/4)
        if motion.occlusion is not None:
            out = out * resize_map(motion.occlusion, *out.shape[-2:]).to(out.dtype)  # (B, c, S/4, S/4)
        out = self.bottleneck(out)  # (B, c, S/4, S/4)
        for block in self.up_blocks:
            out = block(out)  # (B, c/2, S/2, S/2), then (B, c/4, S, S)
        return self.to_picture(out), motion
