"""The generator: identity picture x pose picture -> the identity in that pose."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Details, Features, Generator, Inputs
from capture.methods.capture.decoder import Decoder
from capture.methods.capture.encoders import IdentityEncoder, PoseEncoder, skip_channels


class CaPTUReGenerator(Generator):
    """Two encoders and a decoder.

    Args:
        config: the `generator_config` section: idenE_config, poseE_config, dec_config.
    Raises:
        ValueError: the parts don't fit each other; the message names the keys.
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        iden, pose, dec = config["idenE_config"], config["poseE_config"], config["dec_config"]
        check_agreement(iden, pose, dec)
        channels = skip_channels(iden["downs"], iden["c"], iden["min_ch"])
        self.downs, self.res2 = iden["downs"], pose["res2"]
        self.smallest = smallest_maps(iden, pose)
        self.noise_dim = 4 * iden["min_ch"]  # 4m
        self.identity_encoder = IdentityEncoder(channels, iden["c_in"], iden["in_norm"], iden["pad_type"])
        pose_options = {key: pose[key] for key in ("enc_adain_layers", "enc_attn_layers", "res2")}
        self.pose_encoder = PoseEncoder(channels, pose["c_in"], pose["in_norm"], pose["pad_type"], **pose_options)
        self.decoder = Decoder(channels, **dec)

    def forward(self, inputs: Inputs, noise: Tensor | None = None, details: bool = False) -> Any:
        """identity, pose: (B, 3, S, S) in [-1, 1]; noise: (B, 2, 4m), eps of the code and eps' of the decoder."""
        if noise is None:
            noise = inputs["identity"].new_zeros(len(inputs["identity"]), 2, self.noise_dim)
        noise = noise.to(inputs["identity"].dtype)
        identity = self.identity_encoder(inputs["identity"], noise[:, 0])  # level -> (B, channels, side, side)
        pose = self.pose_encoder(inputs["pose"], identity)
        image = self.decoder(identity, pose, noise[:, 1])  # (B, 3, S, S)
        return Details(image) if details else image

    def encode_identity(self, inputs: Inputs, noise: Tensor) -> Features:
        skips = self.identity_encoder(inputs["identity"], noise)
        return {k: skips[k] for k in sorted(self.decoder.identity_levels | self.pose_encoder.identity_levels)}

    def encode_pose(self, inputs: Inputs) -> Features:
        if self.pose_encoder.identity_levels:  # the features depend on the identity: `decode` makes them
            return dict(inputs)
        skips = self.pose_encoder(inputs["pose"], {})
        return {k: skips[k] for k in sorted(self.decoder.pose_levels)}

    def decode(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        if self.pose_encoder.identity_levels:
            pose = self.pose_encoder(pose["pose"], identity)
        image: Tensor = self.decoder(identity, pose, noise[:, 1])  # (B, 3, S, S)
        return image

    def check_size(self, size: int) -> None:
        multiple = 2 ** (self.downs + 2 + self.res2)
        if size < 1 or size % multiple:
            raise ValueError(
                f"image_size {size} must be a multiple of 2^(downs+2) = {multiple} (downs is {self.downs}"
                f"{', and res2 halves once more' if self.res2 else ''})"
            )
        for name, halvings in self.smallest.items():
            if size // 2**halvings < 2:
                raise ValueError(
                    f"image_size {size} leaves one position a side for generator_config.{name}, which needs two: use "
                    f"at least {2 ** (halvings + 1)}, or a smaller downs"
                )

    @staticmethod
    def config_from_shapes(weights: dict[str, Tensor]) -> dict[str, Any]:
        first = weights.get("identity_encoder.conv_layer.conv.weight")
        code = weights.get("identity_encoder.code_linear.fc.weight")
        if first is None or code is None:
            return {}
        downs = len({name.split(".")[2] for name in weights if name.startswith("identity_encoder.res_down.")})
        encoder = {"downs": downs, "c_in": first.shape[1], "c": first.shape[0], "min_ch": code.shape[1] // 4}
        sections = {"idenE_config": encoder, "poseE_config": dict(encoder), "dec_config": {"min_ch": encoder["min_ch"]}}
        return {"generator_config": sections}


def check_agreement(iden: dict[str, Any], pose: dict[str, Any], dec: dict[str, Any]) -> None:
    """ValueError, naming both keys, where two sections of `generator_config` say different things of one size."""
    for one, other, key in (
        ("idenE_config", "poseE_config", "downs"),
        ("idenE_config", "poseE_config", "c"),
        ("idenE_config", "poseE_config", "min_ch"),
        ("dec_config", "idenE_config", "min_ch"),
        ("dec_config", "poseE_config", "res2"),
    ):
        sections = {"idenE_config": iden, "poseE_config": pose, "dec_config": dec}
        a, b = sections[one][key], sections[other][key]
        if a != b:
            raise ValueError(f"{one}.{key} is {a} and {other}.{key} is {b}: they must agree")


def smallest_maps(iden: dict[str, Any], pose: dict[str, Any]) -> dict[str, int]:
    """Keys that need more than one position -> halvings of the smallest map that they work on.

    A norm and AdaIN need a variance, and a reflected border needs a neighbour to reflect.
    """
    deepest = iden["downs"] + 3  # the last skip level, after one halving less
    found = {}
    if pose["in_norm"]:
        found["poseE_config.in_norm"] = deepest - 1 + pose["res2"]
    if iden["in_norm"]:
        found["idenE_config.in_norm"] = deepest - 1
    if pose["pad_type"] == "reflect":
        found["poseE_config.pad_type reflect"] = deepest - 1
    for key in ("enc_adain_layers", "enc_attn_layers"):
        if deepest in pose[key]:
            found[f"poseE_config.{key} [{deepest}]"] = deepest - 1
    return found


def sample_noise_pair(generator: Generator, batch: int, rng: torch.Generator) -> Tensor:
    """(batch, 2, 2, 4m): for each sample, the noise of its fusion and that of its reconstruction."""
    noise: Tensor = generator.sample_noise(2 * batch, generator=rng).unflatten(0, (batch, 2))
    return noise
