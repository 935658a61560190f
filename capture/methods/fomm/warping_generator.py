"""FOMM's generator: the source's features, warped once and painted where they are hidden."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from capture.methods.fomm.dense_motion import DenseMotionNetwork
from capture.methods.fomm.keypoints import Keypoints
from capture.methods.keypoint_warping.autoencoder import Autoencoder
from capture.methods.keypoint_warping.motion import Motion
from capture.nn.geometry import resize_map, warp_features


class WarpingGenerator(Autoencoder):
    """Source picture (B, 3, S, S) in [0, 1] and two sets of keypoints -> (picture in [0, 1], the Motion it took).

    Args:
        dense_motion: DenseMotionNetwork's own options.
    """

    def __init__(
        self,
        num_kp: int = 10,
        block_expansion: int = 64,
        max_features: int = 512,
        num_down_blocks: int = 2,
        num_bottleneck_blocks: int = 6,
        estimate_occlusion_map: bool = True,
        dense_motion: dict[str, Any] | None = None,
        align_corners: bool = False,
    ):
        super().__init__(block_expansion, max_features, num_down_blocks, num_bottleneck_blocks)
        self.align_corners = align_corners
        self.dense_motion_network = DenseMotionNetwork(
            num_kp,
            estimate_occlusion_map=estimate_occlusion_map,
            align_corners=align_corners,
            **(dense_motion or {}),
        )

    def forward(self, image: Tensor, driving: Keypoints, source: Keypoints) -> tuple[Tensor, Motion]:
        motion = self.dense_motion_network(image, driving, source)
        out = warp_features(self.encode(image)[-1], motion.flow, self.align_corners)  # (B, c, S/4, S/4)
        if motion.occlusion is not None:
            out = out * resize_map(motion.occlusion, *out.shape[-2:]).to(out.dtype)
        out = self.bottleneck(out)
        for block in self.up_blocks:
            out = block(out)
        return self.paint(out), motion
