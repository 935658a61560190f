"""MRAA's pixelwise flow: affine motion of regions and of the background, blended (Siarohin et al., CVPR 2021)."""

from __future__ import annotations

from torch import Tensor

from capture.methods.keypoint_warping.motion import Motion, MotionNetwork, proposals
from capture.methods.mraa.regions import Regions
from capture.nn.geometry import apply_projective, coordinate_grid, gaussians, inverse, multiply, same_sign


class PixelwiseFlowPredictor(MotionNetwork):
    """Source picture (B, 3, S, S) in [0, 1], driving and source Regions -> Motion at S * scale_factor.

    Args:
        region_var: variance of the Gaussians that show the network where regions are, unless use_covar_heatmap:
            then their own covariances.
        use_deformed_source: show it the source moved by each region, too.
        revert_axis_swap: the axes of a covariance have no sign; choose the one that turns less than a right angle.
    """

    def __init__(
        self,
        num_regions: int,
        block_expansion: int,
        max_features: int,
        num_blocks: int,
        scale_factor: float,
        region_var: float,
        use_covar_heatmap: bool,
        use_deformed_source: bool,
        estimate_occlusion_map: bool,
        revert_axis_swap: bool,
        align_corners: bool,
    ):
        super().__init__(
            num_regions,
            block_expansion,
            max_features,
            num_blocks,
            scale_factor,
            estimate_occlusion_map,
            show_source=use_deformed_source,
            align_corners=align_corners,
        )
        self.region_var, self.use_covar_heatmap = region_var, use_covar_heatmap
        self.revert_axis_swap = revert_axis_swap

    def forward(self, image: Tensor, driving: Regions, source: Regions, background: Tensor | None = None) -> Motion:
        """`background`: (B, 3, 3) from driving to source coordinates; None: the background does not move."""
        matrix = None
        if driving.affine is not None:
            matrix = multiply(source.frames, inverse(driving.affine))  # (B, K, 2, 2)
            if self.revert_axis_swap:
                matrix = matrix * same_sign(matrix)

        def spread(regions: Regions) -> Tensor | float:
            if not self.use_covar_heatmap:
                return self.region_var
            if regions.covar is None:
                raise ValueError("pixelwise_flow.use_covar_heatmap needs regions with covariances, not centres alone")
            return regions.covar

        def heat(height: int, width: int) -> Tensor:
            at_driving = gaussians(driving.shift, spread(driving), height, width)  # (B, K, h, w)
            return at_driving - gaussians(source.shift, spread(source), height, width)

        def flows(height: int, width: int) -> Tensor:
            camera = None
            if background is not None:
                grid = coordinate_grid(height, width, image.device)  # (h, w, 2)
                camera = apply_projective(background[:, None, None], grid)  # (B, h, w, 2)
            return proposals(height, width, driving.shift, source.shift, matrix, camera)

        return self.predict(image, heat, flows)
