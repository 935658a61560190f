"""The keys of FOMM, with the values of its authors' vox-256 configuration."""

from __future__ import annotations

from typing import Any, ClassVar

from capture.common.options import MethodOptions, Scales, Section, key
from capture.methods.keypoint_warping.options import (
    MIN_SPREAD,
    AutoencoderConfig,
    HeatMapConfig,
    HourglassConfig,
    KeypointWarpingConfig,
    MotionConfig,
    Weight,
    Weights,
)


class KeypointDetectorConfig(HeatMapConfig):
    """The network that predicts keypoints and their Jacobians."""

    single_jacobian_map: bool = key(False, "one Jacobian map for all keypoints; false: one for each")


class GeneratorConfig(AutoencoderConfig):
    """The network that warps the source's features and decodes them."""

    estimate_occlusion_map: bool = key(True, "predict where the source does not show what is needed")


class DenseMotionConfig(MotionConfig):
    """The network that turns the keypoints' motion into one flow."""

    kp_variance: float = key(0.01, "variance of the Gaussians that represent keypoints", ge=MIN_SPREAD, le=100)


class DiscriminatorConfig(HourglassConfig):
    """The multi-scale patch discriminator."""

    scales: Scales = key([1.0], "scales at which it scores pictures")
    max_features: int = key(512, "channels at most", ge=1, le=8192)
    num_blocks: int = key(4, "number of convolution blocks", ge=1, le=10)
    sn: bool = key(True, "spectral normalisation")
    use_kp: bool = key(False, "it sees the keypoints too")
    kp_variance: float = key(0.01, "variance of the Gaussians that represent keypoints", ge=MIN_SPREAD, le=100)


class LossWeights(Section):
    """The weights of the losses beside the perceptual loss."""

    generator_gan: Weight = key(
        0.0, "adversarial loss of the generator; 0: no discriminator; the authors' fashion, mgif and vox-adv have 1"
    )
    discriminator_gan: Weight = key(1.0, "adversarial loss of the discriminator")
    feature_matching: Weights = key(
        [10.0, 10.0, 10.0, 10.0], "feature matching loss, for each block of the discriminator"
    )
    equivariance_value: Weight = key(10.0, "equivariance of the keypoints' positions")
    equivariance_jacobian: Weight = key(10.0, "equivariance of the keypoints' Jacobians")


class FommConfig(KeypointWarpingConfig):
    """The First Order Motion Model (Siarohin et al., NeurIPS 2019)."""

    num_kp: int = key(10, "number of keypoints", ge=1, le=512)
    estimate_jacobian: bool = key(True, "first-order motion around each keypoint; false: zeroth order")
    kp_detector: KeypointDetectorConfig = key(KeypointDetectorConfig(), "keypoint detector")
    generator: GeneratorConfig = key(GeneratorConfig(), "generator")
    dense_motion: DenseMotionConfig = key(DenseMotionConfig(), "dense motion network")
    discriminator: DiscriminatorConfig = key(DiscriminatorConfig(), "discriminator, where generator_gan is not 0")
    loss_weights: LossWeights = key(LossWeights(), "weights of the losses")


class Options(MethodOptions):
    """The sections that FOMM reads, and its published schedule."""

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {
        "dataset_config": {"batch_size": 40},
        "train_config": {
            "num_epochs": 100,
            "lr_G": 2e-4,
            "lr_D": 2e-4,
            "lr_schedule": {"drop_epochs": [60, 90]},
        },
    }
    UNREAD: ClassVar[frozenset[str]] = frozenset({"main_config.init"})

    fomm_config: FommConfig = key(FommConfig(), "First Order Motion Model")
