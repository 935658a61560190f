"""Keys of the configuration that coordinate inpainting reads, with the settings of the release as defaults.

The training code was never released: losses, weights and schedule are assumptions, all but the widths of the networks.
Each departure is off by default.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from capture.common.options import MethodOptions, Scales, Section, key


class CoordInpaintingLosses(Section):
    """Weights of the losses; 0 leaves a loss out."""

    colour: float = key(1.0, "stage texture: L1 of the warped picture on the target's figure", ge=0)
    coordinates: float = key(1.0, "stage texture: L1 of the coordinates on known texels", ge=0)
    source: float = key(0.0, "stage texture: L1 of the identity warped to itself", ge=0)
    correspondence: float = key(
        0.0, "stage texture: L1 of coordinates to a filling from known ones of the same part (pull-push)", ge=0
    )
    l1: float = key(1.0, "stages picture and joint: L1 of the picture", ge=0)
    figure_l1: float = key(0.0, "stages picture and joint: L1 on the target's figure alone, beside l1", ge=0)
    perceptual: float = key(1.0, "stages picture and joint: perceptual loss", ge=0)
    adversarial: float = key(
        0.1, "stages picture and joint: hinge loss of a patch discriminator; 0: no discriminator", ge=0
    )


class CoordInpaintingConfig(Section):
    """Section coord_inpainting_config."""

    stage: Literal["texture", "picture", "joint"] = key(
        "texture",
        "texture: the inpainter learns and its warped picture is the result; picture: the refiner learns and the "
        "inpainter is fixed (start_from: the first stage's result); joint: both learn",
    )
    drive: Literal["target_uv", "pose_uv"] = key(
        "target_uv", "what drives: target_uv (true map: the identity's own body) or pose_uv (driver's map)"
    )
    true_targets: bool = key(
        False,
        "false: identity and real, two pictures of a character, are a pair; true: the driver's pose, its true target",
    )
    inpainter_width: int = key(32, "ngf of the inpainter, even", ge=2, le=512)
    refiner_width: int = key(256, "ngf of the refiner", ge=1, le=1024)
    convention: Literal["centres", "corners", "release"] = key(
        "centres", "where pixels and texels lie: one convention everywhere (centres, corners) or the release's three"
    )
    align_corners: bool = key(False, "of grid_sample with convention release: false since torch 1.3, true before")
    no_uv: float = key(
        -10.0, "what the refiner reads where a map has no coordinates; 0 suits new training", ge=-10, le=10
    )
    atlas: Literal["toon", "smpl"] = key(
        "toon", "layout of the maps: squares of parts (toon, rendered) or SMPL's chart"
    )
    texture_size: int = key(
        0, "departure: side of the texture, a multiple of 4 and at least 36; 0: image_size", ge=0, le=2048
    )
    mask_source: bool = key(
        True, "textures are read from the identity's figure alone; false: departure, from all of it"
    )
    separate_cells: bool = key(
        False, "departure: neither splatting nor reading reaches across a seam of the toon atlas"
    )
    keep_known: bool = key(False, "departure: known texels keep their coordinates; the inpainter fills the others")
    fill: bool = key(False, "departure: unknown texels are filled by pull-push first, and the inpainter corrects that")
    mirror: bool = key(False, "departure, with fill: what the body's mirror image shows counts as known (toon atlas)")
    skips: bool = key(False, "departure: additive skips in the inpainter")
    known_to_refiner: bool = key(False, "departure: the refiner sees which target pixels have a known texel")
    residual: bool = key(False, "departure: on the figure the refiner corrects the warped picture; elsewhere it draws")
    colour_scales: int = key(
        1, "departure: scales of a blur pyramid at which the texture's colours are compared", ge=1, le=6
    )
    disc_width: int = key(64, "channels of the discriminator", ge=1, le=512)
    perceptual_net: Literal["vgg19", "alexnet", "none"] = key("vgg19", "network of the perceptual loss; none: pixels")
    perceptual_path: str = key("", "folder of its weights ('': $CAPTURE_WEIGHTS, else fetched)", resume="free")
    perceptual_weights: list[float] = key([1.0, 1.0, 1.0, 1.0, 1.0], "one for each compared layer")
    perceptual_scales: Scales = key([1.0], "scales at which pictures are compared")
    loss_weights: CoordInpaintingLosses = key(CoordInpaintingLosses(), "")


class Options(MethodOptions):
    """What the method reads beside the common sections."""

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {
        "dataset_config": {"batch_size": 8, "image_size": 256},
        "train_config": {"num_epochs": 100, "lr_G": 0.0002, "lr_D": 0.0002, "adam_betas": [0.5, 0.999]},
    }
    UNREAD: ClassVar[frozenset[str]] = frozenset({"main_config.init"})
    coord_inpainting_config: CoordInpaintingConfig = key(CoordInpaintingConfig(), "coordinate inpainting")
