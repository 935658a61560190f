"""The keys of CaPTURe-Parts, with the values of the weights in result/Toon."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from capture.common.options import MethodOptions, Section, key
from capture.methods.capture.options import DiscriminatorConfig


class NetworksConfig(Section):
    """The sizes of the networks; the identity encoder, the pose encoder and the decoder share all but two."""

    segmenter_ch: int = key(32, "channels of the part segmenter at full size", ge=4, le=1024)
    layout_ch: int = key(48, "channels of the layout network at full size", ge=4, le=1024)
    downs: int = key(2, "down-ResBlocks of the encoders", ge=2, le=8)
    c: int = key(24, "channels at full size", ge=1, le=2048)
    min_ch: int = key(96, "m: channels at which the down-ResBlocks stop", ge=4, le=4096)
    code_ch: int = key(
        24, "channels of the smallest maps and of the code are multiples of this number; 0: of min_ch", ge=0, le=4096
    )
    adain_layers: list[int] = key([0, 1], "up-ResBlocks of the decoder, 0 to downs - 1, with AdaIN before them")
    attention_layers: list[int] = key([0, 1], "up-ResBlocks of the decoder with attention before them")
    attention_width: int = key(
        32, "channels of the attention's queries and keys; 0: an eighth of the layer's channels", ge=0, le=1024
    )
    attention_temperature: Annotated[float, Field(gt=0)] | None = key(
        None, "temperature of the attention, whose scores lie between -1 and 1; null: 0.07"
    )
    figure_alpha: bool = key(
        False,
        "the refiner also predicts how much of each pixel the figure covers, and the figure is composited over the "
        "ground of the identity's picture; start_from may name weights without it",
    )
    part_textures: bool = key(
        False,
        "pixels are sampled from the texture of their part, in which its colours are continued beyond its own pixels, "
        "so that a limb that is laid out a little beside its place shows no ground; start_from may name weights "
        "without it",
    )
    sharpness: float = key(
        1.0,
        "factor, in rendering, of the logits of the layers' shares (warped or painted, figure or ground): above 1, "
        "fewer pixels are a mixture of two layers, which looks blurred",
        ge=1,
        le=100,
        resume="free",
    )


class LossConfig(Section):
    """The losses. A weight of 0 leaves its loss out."""

    ganLoss_type: Literal["BCE", "MSE", "hinge"] = key("BCE", "adversarial loss")
    discriminator_weight: float = key(
        0.0,
        "weight of the discriminator's loss; no discriminator where this and adversarial_weight are 0",
        ge=0,
        resume="noted",
    )
    adversarial_weight: float = key(0.0, "weight of the generator's adversarial loss", ge=0, resume="noted")
    target_weight: float = key(
        15.0, "weight of the L1 distance of the fusion from its true target", ge=0, resume="noted"
    )
    perceptual_weight: float = key(
        10.0, "weight of the LPIPS distance of the fusion from its true target", ge=0, resume="noted"
    )
    perceptual_net: Literal["squeeze", "alex", "vgg"] = key("squeeze", "network of LPIPS")
    perceptual_path: str = key(
        "", "folder of that network's weights; empty: $CAPTURE_WEIGHTS, else they are downloaded", resume="free"
    )
    correspondence_weight: float = key(
        1.0, "weight of the losses of segmentation, part motion and layout, from IUV maps", ge=0, resume="noted"
    )
    alpha_weight: float = key(
        0.0,
        "with networks.figure_alpha: weight of the cross-entropy of the predicted alpha with that of the target",
        ge=0,
        resume="noted",
    )
    attention_weight: float = key(
        1.0, "weight of the attention's correspondence loss, from IUV maps", ge=0, resume="noted"
    )


class CapturePartsConfig(Section):
    """Section capture_parts_config."""

    stage: Literal["segmentation", "layout", "synthesis", "refiner", "alpha", "joint"] = key(
        "synthesis",
        "what learns: segmentation (the part segmenter), layout (segmenter, part motion and layout), synthesis (the "
        "networks that paint), refiner (the last of these alone), alpha (only what predicts alpha) or joint (the "
        "layout and the networks that paint); start_from names the stage before",
    )
    num_parts: int = key(
        25,
        "parts of the body; 25 are those of the IUV maps of toon, and 27 have eyes and mouth beside them "
        "(toon_face_parts); start_from may name weights with fewer",
        ge=1,
        le=255,
    )
    patch_size: int = key(
        2, "the networks see squares of so many pixels as one position with more channels", ge=1, le=16
    )
    segmenter_grad_scale: float = key(
        1.0,
        "share of the gradients of part motion and layout that reaches the segmenter; 0.03 preserves its segmentation",
        ge=0,
        le=1,
        resume="noted",
    )
    mix_style: float = key(
        0.0,
        "stages segmentation and layout: share of updates in which samples exchange statistics of the segmenter's "
        "first features (MixStyle; 0.5 in its paper)",
        ge=0,
        le=1,
        resume="noted",
    )
    networks: NetworksConfig = key(NetworksConfig(), "sizes of the networks")
    discriminator: DiscriminatorConfig = key(DiscriminatorConfig(c=16), "discriminator")
    loss: LossConfig = key(LossConfig(), "losses")


class Options(MethodOptions):
    """CaPTURe-Parts (ours): the parts of the body are segmented, moved and laid out before the picture is painted."""

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {
        "dataset_config": {
            "dataset_path": "toon",
            "toon_views": "front",
            "toon_test_clips": 4,
            "share_renders": True,
            "num_workers": 1,
            "image_size": 128,
        },
        "train_config": {
            "num_epochs": 100,
            "lr_G": 0.001,
            "lr_D": 0.0002,
            "lr_schedule": {"warmup_steps": 200},
            "ema_decay": 0.998,
            "clip_grad_norm": 5.0,
            "precision": "auto",
        },
    }

    capture_parts_config: CapturePartsConfig = key(CapturePartsConfig(), "CaPTURe-Parts")
