"""MRAA's generator: the source's features and the source itself, warped at every scale and inpainted where hidden."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from capture.methods.keypoint_warping.autoencoder import Autoencoder
from capture.methods.keypoint_warping.motion import Motion
from capture.methods.mraa.pixelwise_flow import PixelwiseFlowPredictor
from capture.methods.mraa.regions import Regions
from capture.nn.geometry import resize_map, warp_features


class RegionGenerator(Autoencoder):
    """Source picture (B, 3, S, S) in [0, 1] and two sets of regions -> (picture in [0, 1], the Motion of the warp).

    Args:
        skips: warp features at every scale and the picture itself, not the smallest features alone.
        pixelwise_flow: options of the PixelwiseFlowPredictor.
    """

    def __init__(
        self,
        num_regions: int,
        block_expansion: int,
        max_features: int,
        num_down_blocks: int,
        num_bottleneck_blocks: int,
        skips: bool,
        revert_axis_swap: bool,
        pixelwise_flow: dict[str, Any],
        align_corners: bool,
    ):
        super().__init__(block_expansion, max_features, num_down_blocks, num_bottleneck_blocks)
        if skips and not pixelwise_flow["estimate_occlusion_map"]:
            raise ValueError(
                "generator.skips without pixelwise_flow.estimate_occlusion_map would never show what it inpaints"
            )
        self.skips, self.align_corners = skips, align_corners
        self.pixelwise_flow_predictor = PixelwiseFlowPredictor(
            num_regions,
            revert_axis_swap=revert_axis_swap,
            align_corners=align_corners,
            **pixelwise_flow,
        )

    def forward(
        self, image: Tensor, driving: Regions, source: Regions, background: Tensor | None = None
    ) -> tuple[Tensor, Motion]:
        """`background`: (B, 3, 3) from driving to source coordinates; None: the background does not move."""
        motion = self.pixelwise_flow_predictor(image, driving, source, background)
        levels = self.encode(image)  # (B, c, S, S), (B, 2c, S/2, S/2), ...
        out = self.bottleneck(self._warp_and_inpaint(levels[-1], None, motion))  # (B, 4c, S/4, S/4)
        for block, level in zip(self.up_blocks, reversed(levels)):
            out = block(self._warp_and_inpaint(level, out, motion) if self.skips else out)  # (B, 2c, S/2, S/2), ...
        if not self.skips:
            return self.to_picture(out), motion
        inpainted = self.to_picture(self._warp_and_inpaint(levels[0], out, motion))  # (B, 3, S, S)
        return self._warp_and_inpaint(image.float(), inpainted, motion), motion

    def _warp_and_inpaint(self, features: Tensor, inpainted: Tensor | None, motion: Motion) -> Tensor:
        """The source's features (B, c, H, W), warped; where they are hidden, `inpainted` or, if None, zeros."""
        warped = warp_features(features, motion.flow, self.align_corners)  # (B, c, H, W)
        if motion.occlusion is None:
            return warped
        visible = resize_map(motion.occlusion, *warped.shape[-2:]).to(warped.dtype)  # (B, 1, H, W)
        return warped * visible if inpainted is None else warped * visible + inpainted * (1 - visible)
