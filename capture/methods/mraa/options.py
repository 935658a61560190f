"""The keys of MRAA, with the values of its authors' ted384 configuration."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from capture.common.options import MethodOptions, Section, key
from capture.methods.keypoint_warping.options import (
    MIN_SPREAD,
    AutoencoderConfig,
    HeatMapConfig,
    HourglassConfig,
    KeypointWarpingConfig,
    MotionConfig,
    Weight,
)


class RegionPredictorConfig(HeatMapConfig):
    """The network that predicts regions."""

    pca_based: bool = key(True, "measure regions' frames as principal axes; false: regress them")
    pad: int = key(0, "zero padding of the 7x7 convolutions that predict heat maps", ge=0, le=64)


class BackgroundConfig(HourglassConfig):
    """The network that predicts the motion of the background."""

    bg_type: Literal["zero", "shift", "affine", "perspective"] = key(
        "affine", "motion of the background: zero, shift, affine or perspective"
    )


class GeneratorConfig(AutoencoderConfig):
    """The network that warps the source's features and decodes them."""

    skips: bool = key(True, "warp every level of the features and the picture itself; false: the smallest level alone")


class PixelwiseFlowConfig(MotionConfig):
    """The network that turns the regions' motion into one flow."""

    region_var: float = key(
        0.01, "variance of the Gaussians that represent regions without use_covar_heatmap", ge=MIN_SPREAD, le=100
    )
    use_covar_heatmap: bool = key(True, "the Gaussians have the regions' own covariances")
    use_deformed_source: bool = key(True, "the network sees the source moved by each region")
    estimate_occlusion_map: bool = key(True, "predict where the source does not show what is needed")


class AvdConfig(Section):
    """The network for animation by disentanglement."""

    id_bottle_size: int = key(64, "width of the identity's code", ge=1, le=8192)
    pose_bottle_size: int = key(64, "width of the pose's code", ge=1, le=8192)


class LossWeights(Section):
    """The weights of the losses beside the perceptual loss."""

    equivariance_shift: Weight = key(10.0, "equivariance of the regions' centres")
    equivariance_affine: Weight = key(10.0, "equivariance of the regions' frames")
    lambda_shift: Weight = key(1.0, "AVD network: the regions' centres")
    lambda_affine: Weight = key(1.0, "AVD network: the regions' frames")


class MraaConfig(KeypointWarpingConfig):
    """Motion Representations for Articulated Animation (Siarohin et al., CVPR 2021)."""

    num_regions: int = key(10, "number of regions", ge=1, le=512)
    estimate_affine: bool = key(True, "regions have frames; false, without pca_based: centres alone")
    revert_axis_swap: bool = key(True, "principal axes have no sign: choose the one that turns less")
    mode: Literal["absolute", "relative", "avd"] = key(
        "avd", "how the pose of another body is taken over: absolute, relative, or by the AVD network, which is trained"
    )
    stage: Literal["joint", "avd"] = key(
        "joint",
        "joint: everything learns, the AVD network from regions that still change; avd: the AVD network alone, as "
        "published after the rest (start_from: the result of the rest)",
    )
    random_scale: float = key(0.25, "bodies are stretched by up to 1 +- this to train the AVD network", ge=0, le=1)
    region_predictor: RegionPredictorConfig = key(RegionPredictorConfig(), "region predictor")
    background: BackgroundConfig = key(BackgroundConfig(), "background motion predictor")
    generator: GeneratorConfig = key(GeneratorConfig(), "generator")
    pixelwise_flow: PixelwiseFlowConfig = key(PixelwiseFlowConfig(), "pixelwise flow predictor")
    avd: AvdConfig = key(AvdConfig(), "AVD network, in mode avd")
    loss_weights: LossWeights = key(LossWeights(), "weights of the losses")


class Options(MethodOptions):
    """The sections that MRAA reads, and its published schedule."""

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {
        "dataset_config": {"batch_size": 6},
        "train_config": {"num_epochs": 100, "lr_G": 2e-4, "lr_schedule": {"drop_epochs": [60, 90]}},
    }
    UNREAD: ClassVar[frozenset[str]] = frozenset({"main_config.init", "train_config.lr_D"})

    mraa_config: MraaConfig = key(MraaConfig(), "Motion Representations for Articulated Animation")
