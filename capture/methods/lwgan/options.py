"""The keys of the configuration that Liquid Warping GAN reads; defaults are the published ones."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from capture.common.options import MethodOptions, Section, key

DRIVES = {"target_uv": "true map", "pose_uv": "driver's map"}  # what tables call a result by each driving map


class DiscriminatorConfig(Section):
    ndf: int = key(64, "channels after the patch discriminator's first layer", ge=1)
    n_layers: int = key(4, "its convolutions that halve the side (3 at 64 pixels)", ge=1, le=8)


class KernelConfig(Section):
    background: int = key(0, "odd side of the square that enlarges the hole (0: 15 S / 256, at least 5)", ge=0)
    figure: int = key(3, "odd side of the square by which the figure is grown", ge=1)


class LossWeights(Section):
    reconstruction: float = key(10.0, "L1 of the source's picture made again", ge=0)
    transfer: float = key(10.0, "perceptual distance of the transfer from the truth", ge=0)
    mask: float = key(1.0, "of both masks from the maps' figures", ge=0)
    mask_smoothness: float = key(1.0, "total variation of both masks", ge=0)
    adversarial: float = key(1.0, "of the patch discriminator; 0: no discriminator at all", ge=0)


class LwganConfig(Section):
    drive: Literal["target_uv", "pose_uv"] = key(
        "target_uv",
        "map that drives a rendering: target_uv (the identity's own body in the pose, an oracle: 'true map' in tables) "
        "| pose_uv (the driver's own; 'driver's map')",
    )
    true_targets: bool = key(
        False, "true (not published): the driving map and the true target teach; false: another frame of the identity"
    )
    conv_dim: int = key(64, "channels of every stream at full size", ge=1)
    repeat_num: int = key(6, "residual blocks of every stream", ge=0)
    background: Literal["learned", "constant"] = key(
        "learned", "learned (the background stream, as published) | constant (median colour of the border)"
    )
    condition: Literal["atlas", "parts"] = key(
        "atlas", "conditional map: atlas (3 channels, as published) | parts (28: one for each part, u, v, background)"
    )
    flow_radius: float = key(0.08, "surface distance up to which two pixels show the same point (under 0.1)", ge=0)
    flow_fill: Literal["none", "nearest"] = key(
        "none", "where the source does not show a point: none (nothing is warped) | nearest (of the same part)"
    )
    flow_resize: Literal["bilinear", "masked"] = key(
        "bilinear", "how the flow is resized: bilinear (published: -2 mixes in along the silhouette) | masked"
    )
    align_corners: bool = key(True, "convention of sampling (published: true, torch 1.2's)")
    kernels: KernelConfig = key(KernelConfig(), "erosion of background flags")
    discriminator: DiscriminatorConfig = key(DiscriminatorConfig(), "the patch discriminator")
    perceptual: Literal["vgg19", "alexnet", "none"] = key(
        "vgg19",
        "of the transfer: none (L1 of pixels) | vgg19 (as published) | alexnet (leaves a grid in small pictures)",
    )
    perceptual_path: str = key("", "folder of its weights ('': $CAPTURE_WEIGHTS, else fetched)", resume="free")
    mask_loss: Literal["bce", "mse"] = key("bce", "distance of masks: bce (published) | mse")
    loss_weights: LossWeights = key(LossWeights(), "of the losses")


class Options(MethodOptions):
    lwgan_config: LwganConfig = key(LwganConfig(), "Liquid Warping GAN (main_config.method: lwgan)")

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {
        "dataset_config": {"image_size": 256, "batch_size": 4},
        "train_config": {"num_epochs": 30, "lr_G": 0.0002, "lr_D": 0.0002, "lr_schedule": {"decay_epochs": 24}},
    }
    UNREAD: ClassVar[frozenset[str]] = frozenset({"main_config.init"})
