"""The keys that FOMM and MRAA share, with the values of their authors' vox-256 and ted384 configurations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from capture.common.options import Scale, Scales, Section, key

MAX_WEIGHT = 1e6  # of a term of a loss
MIN_SPREAD = 1e-6  # of a variance or a temperature, by which networks divide

Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT)]
Weights = Annotated[list[Weight], Field(min_length=1, max_length=64)]


class TransformConfig(Section):
    """The random deformations of the equivariance losses: an affine map plus a thin-plate spline."""

    sigma_affine: float = key(0.05, "standard deviation of the entries of the affine map", ge=0, le=100)
    sigma_tps: float = key(0.005, "standard deviation of the weights of the thin-plate spline", ge=0, le=100)
    points_tps: int = key(5, "control points of the spline along each side", ge=0, le=64)


class HourglassConfig(Section):
    """An encoder that halves its input several times."""

    block_expansion: int = key(32, "channels at full size; each halving doubles them", ge=1, le=2048)
    max_features: int = key(1024, "channels at most", ge=1, le=8192)
    num_blocks: int = key(5, "number of halvings", ge=1, le=10)


class HeatMapConfig(HourglassConfig):
    """The hourglass that predicts a heat map for each keypoint or region."""

    temperature: float = key(0.1, "temperature of the heat maps' softmax", ge=MIN_SPREAD, le=1e6)
    scale_factor: Scale = key(0.25, "the network reads pictures that are shrunk by this factor")


class MotionConfig(HourglassConfig):
    """The hourglass that blends the motions of all keypoints or regions into one flow."""

    block_expansion: int = key(64, "channels at full size; each halving doubles them", ge=1, le=2048)
    scale_factor: Scale = key(0.25, "the network reads pictures that are shrunk by this factor")


class AutoencoderConfig(Section):
    """The encoder and the decoder around the warp."""

    block_expansion: int = key(64, "channels at full size; each halving doubles them", ge=1, le=2048)
    max_features: int = key(512, "channels at most", ge=1, le=8192)
    num_down_blocks: int = key(2, "number of halvings", ge=0, le=8)
    num_bottleneck_blocks: int = key(6, "residual blocks at the smallest size", ge=0, le=64)


class KeypointWarpingConfig(Section):
    """The keys of a method that warps a source picture by keypoints or regions."""

    true_targets: bool = key(
        False, "another character's pose drives and the true target is learnt (not published); false: as published"
    )
    perceptual: Literal["none", "vgg19", "alexnet"] = key(
        "vgg19", "network of the perceptual loss: vgg19 (as published), alexnet, or none to compare pixels"
    )
    perceptual_path: str = key(
        "", "folder of that network's weights; empty: $CAPTURE_WEIGHTS, else they are downloaded", resume="free"
    )
    perceptual_weights: Weights = key([10.0, 10.0, 10.0, 10.0, 10.0], "weights of the layers relu1_1 to relu5_1")
    scales: Scales = key([1.0, 0.5, 0.25, 0.125], "scales at which the perceptual loss compares pictures")
    align_corners: bool = key(
        False, "how grids are sampled; false: torch's default since 1.3; true: torch 1.0, which FOMM's release used"
    )
    transform: TransformConfig = key(TransformConfig(), "random deformations of the equivariance losses")
