"""The keys of CaPTURe with true targets: those of CaPTURe, and the weights of the supervised losses."""

from __future__ import annotations

from typing import Literal

from capture.common.options import MethodOptions, Section, key
from capture.methods.capture import options as capture


class LossConfig(capture.LossConfig):
    """Section loss_config, where a weight of 0 leaves a loss out."""

    dis_ganLoss_weight: float = key(
        1.0,
        "weight of the discriminator's loss; no discriminator where this and gen_ganLoss_weight are 0",
        ge=0,
        resume="noted",
        added=False,
    )
    gen_reconLoss_weight: float = key(
        15.0,
        "weight of the L1 distance of the reconstruction from the identity; 0: no reconstruction is made",
        ge=0,
        resume="noted",
        added=False,
    )


class SupervisionConfig(Section):
    """Section supervision_config."""

    target_weight: float = key(
        15.0, "weight of the L1 distance of the fusion from its true target", ge=0, resume="noted"
    )
    perceptual_weight: float = key(
        0.0, "weight of the LPIPS distance of the fusion from its true target", ge=0, resume="noted"
    )
    perceptual_net: Literal["squeeze", "alex", "vgg"] = key("squeeze", "network of LPIPS")
    perceptual_path: str = key(
        "", "folder of that network's weights; empty: $CAPTURE_WEIGHTS, else they are downloaded", resume="free"
    )
    attention_rows: Literal["identity", "pose"] = key(
        "identity",
        "whose positions the softmax of the pose-guided attention runs over in rows: identity (as released) or pose "
        "(each position of the pose gathers from the identity; results of version 3 may have it)",
    )


class Options(MethodOptions):
    """CaPTURe with true targets (ours): the fusion also learns from the picture that should come out."""

    generator_config: capture.GeneratorConfig = key(capture.GeneratorConfig(), "generator", added=False)
    discriminator_config: capture.DiscriminatorConfig = key(capture.DiscriminatorConfig(), "discriminator", added=False)
    loss_config: LossConfig = key(LossConfig(), "losses of the release", added=False)
    supervision_config: SupervisionConfig = key(SupervisionConfig(), "losses that need the true target")
