"""The keys of CaPTURe, as the published release has them, with its values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from capture.common.options import MethodOptions, Section, key

PadType = Literal["zeros", "reflect", "replicate", "circular"]


class IdentityEncoderConfig(Section):
    """The identity encoder."""

    downs: int = key(4, "down-ResBlocks; the same number in poseE_config", ge=2, le=8, added=False)
    c_in: int = key(3, "channels of the picture", ge=3, le=3, added=False)
    c: int = key(64, "channels at full size; the same number in poseE_config", ge=1, le=2048, added=False)
    min_ch: int = key(
        256,
        "m: channels at which the down-ResBlocks stop; the same number in all three",
        ge=4,
        le=4096,
        added=False,
    )
    in_norm: bool = key(False, "instance normalisation", added=False)
    pad_type: PadType = key("zeros", "padding", added=False)


class PoseEncoderConfig(Section):
    """The pose encoder."""

    downs: int = key(4, "down-ResBlocks", ge=2, le=8, added=False)
    c_in: int = key(3, "channels of the picture", ge=3, le=3, added=False)
    c: int = key(64, "channels at full size", ge=1, le=2048, added=False)
    min_ch: int = key(256, "m", ge=4, le=4096, added=False)
    enc_adain_layers: list[int] = key(
        [-1], "skip levels, 1 to downs + 3, that take the identity's statistics (AdaIN); -1: none", added=False
    )
    enc_attn_layers: list[int] = key([-1], "skip levels with reverse attention; -1: none", added=False)
    in_norm: bool = key(True, "instance normalisation", added=False)
    conv_num: int = key(0, "nothing reads this key; the release has it", resume="free", added=False, read=False)
    res2: bool = key(False, "halve the pose's smallest feature once more; the same value in dec_config", added=False)
    pad_type: PadType = key("zeros", "padding", added=False)


class DecoderConfig(Section):
    """The decoder."""

    min_ch: int = key(256, "m", ge=4, le=4096, added=False)
    dec_adain_layers: list[int] = key(
        [1, 2, 3], "up-ResBlocks, 0 to downs - 1, with AdaIN before them; -1: none", added=False
    )
    dec_attn_layers: list[int] = key([0], "up-ResBlocks with reverse attention before them; -1: none", added=False)
    t: Annotated[float, Field(gt=0)] | None = key(
        16.0, "temperature of the attention; null: the square root of the query's width", added=False
    )
    res2: bool = key(False, "the same value as in poseE_config", added=False)
    alpha_init: float = key(1.0, "start of a in the reverse branch: 1 as released, 0 as the paper's figure has it")


class GeneratorConfig(Section):
    """Section generator_config."""

    idenE_config: IdentityEncoderConfig = key(IdentityEncoderConfig(), "identity encoder", added=False)
    poseE_config: PoseEncoderConfig = key(PoseEncoderConfig(), "pose encoder", added=False)
    dec_config: DecoderConfig = key(DecoderConfig(), "decoder", added=False)


class DiscriminatorConfig(Section):
    """Section discriminator_config."""

    disc_downs: int = key(3, "halvings before the map of patch scores", ge=0, le=10, added=False)
    n_res: int = key(2, "ResBlocks", ge=0, le=64, added=False)
    c_in: int = key(3, "channels of one picture; the discriminator sees two", ge=3, le=3, added=False)
    c: int = key(64, "channels at full size", ge=1, le=2048, added=False)
    norm: Literal["none", "in", "bn"] = key(
        "none", "normalisation: none, in (of instances) or bn (of batches)", added=False
    )
    bias: bool = key(True, "biases of the convolutions outside of residual blocks", added=False)
    w_norm: Literal["none", "spectral"] = key("spectral", "normalisation of the weights", added=False)
    activ: Literal["lrelu", "relu", "tanh", "sigmoid", "none"] = key("lrelu", "activation", added=False)
    pad_type: PadType = key("reflect", "padding", added=False)


class LossConfig(Section):
    """Section loss_config."""

    ganLoss_type: Literal["BCE", "MSE", "hinge"] = key("BCE", "adversarial loss", added=False)
    dis_ganLoss_weight: float = key(1.0, "weight of the discriminator's loss", ge=0, resume="noted", added=False)
    gen_ganLoss_weight: float = key(
        1.0, "weight of the generator's adversarial loss", ge=0, resume="noted", added=False
    )
    gen_reconLoss_weight: float = key(
        15.0, "weight of the L1 distance of the reconstruction from the identity", ge=0, resume="noted", added=False
    )


class Options(MethodOptions):
    """CaPTURe (An and Choi, Neurocomputing 2023), as published."""

    generator_config: GeneratorConfig = key(GeneratorConfig(), "generator", added=False)
    discriminator_config: DiscriminatorConfig = key(DiscriminatorConfig(), "discriminator", added=False)
    loss_config: LossConfig = key(LossConfig(), "losses", added=False)
