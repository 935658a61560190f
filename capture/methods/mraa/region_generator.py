"""MRAA's generator: the source's features and the source itself, warped at every scale and painted where hidden."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from capture.methods.keypoint_warping.autoencoder import Autoencoder
from capture.methods.keypoint_warping.flow import PixelwiseFlowPredictor
from capture.methods.keypoint_warping.motion import Motion
from capture.methods.mraa.regions import Regions
from capture.nn.geometry import resize_map, warp_features


class RegionGenerator(Autoencoder):
    """Source picture (B, 3, S, S) in [0, 1] and two sets of regions -> (picture in [0, 1], the Motion it took).

    Args:
        skips: warp features at every scale and the picture itself, not the smallest features alone.
        pixelwise_flow: PixelwiseFlowPredictor's own options.
    """

    def __init__(
        self,
        num_regions: int = 10,
        block_expansion: int = 64,
        max_features: int = 512,
        num_down_blocks: int = 2,
        num_bottleneck_blocks: int = 6,
        skips: bool = True,
        revert_axis_swap: bool = True,
        pixelwise_flow: dict[str, Any] | None = None,
        align_corners: bool = False,
    ):
        super().__init__(block_expansion, max_features, num_down_blocks, num_bottleneck_blocks)
        if skips and not (pixelwise_flow or {}).get("estimate_occlusion_map", True):
            raise ValueError(
                "generator.skips without pixelwise_flow.estimate_occlusion_map would never show what it paints"
            )
        self.skips, self.align_corners = skips, align_corners
        self.pixelwise_flow_predictor = PixelwiseFlowPredictor(
            num_regions,
            revert_axis_swap=revert_axis_swap,
            align_corners=align_corners,
            **(pixelwise_flow or {}),
        )

    def forward(
        self, image: Tensor, driving: Regions, source: Regions, background: Tensor | None = None
    ) -> tuple[Tensor, Motion]:
        """`background`: (B, 3, 3) from driving to source coordinates; None: it stands still."""
        motion = self.pixelwise_flow_predictor(image, driving, source, background)
        levels = self.encode(image)
        out = self.bottleneck(self._blend(levels[-1], None, motion))
        for block, level in zip(self.up_blocks, reversed(levels)):
            out = block(self._blend(level, out, motion) if self.skips else out)
        if not self.skips:
            return self.paint(out), motion
        painted = self.paint(self._blend(levels[0], out, motion))
        return self._blend(image.float(), painted, motion), motion

    def _blend(self, features: Tensor, painted: Tensor | None, motion: Motion) -> Tensor:
        """The source's features (B, c, H, W), warped; where they are hidden, what was painted so far, if anything."""
        warped = warp_features(features, motion.flow, self.align_corners)
        if motion.occlusion is None:
            return warped
        visible = resize_map(motion.occlusion, *warped.shape[-2:]).to(warped.dtype)
        return warped * visible if painted is None else warped * visible + painted * (1 - visible)
