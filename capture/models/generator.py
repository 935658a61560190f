"""The generator of CaPTURe: identity image x pose image -> the identity in that pose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from capture.models.decoder import Decoder
from capture.models.encoders import IdentityEncoder, PoseEncoder


class Generator(nn.Module):
    """G(identity, pose) -> image.

    Args:
        config: the `generator_config` section: idenE_config, poseE_config, dec_config (defaults.yaml has every key).
    Raises:
        ValueError: the parts don't fit each other; the message names the keys.
    """

    def __init__(self, config: dict):
        super().__init__()
        iden, pose, dec = config["idenE_config"], config["poseE_config"], config["dec_config"]
        for key in ("downs", "c", "min_ch"):
            if iden[key] != pose[key]:
                raise ValueError(
                    f"idenE_config.{key} is {iden[key]} and poseE_config.{key} is {pose[key]}: they must agree"
                )
        if dec["min_ch"] != iden["min_ch"]:
            raise ValueError(
                f"dec_config.min_ch is {dec['min_ch']} and idenE_config.min_ch is {iden['min_ch']}: they must agree"
            )
        if dec["res2"] != pose["res2"]:
            raise ValueError(
                f"dec_config.res2 is {dec['res2']} and poseE_config.res2 is {pose['res2']}: they must agree"
            )
        self.downs, self.res2, self.pose_norm = iden["downs"], pose["res2"], pose["in_norm"]
        self.code_width = 4 * iden["min_ch"]  # 4m
        self.idenity_encoder = IdentityEncoder(**iden)  # the spelling of published checkpoints
        self.pose_encoder = PoseEncoder(**pose)
        self.decoder = Decoder(downs=iden["downs"], c=iden["c"], **dec)

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless images of side `size` fit this configuration."""
        multiple = 2 ** (self.downs + 2 + self.res2)
        smallest = size // multiple
        if size < 1 or size % multiple:
            raise ValueError(
                f"image_size {size} must be a multiple of 2^(downs+2) = {multiple} (downs is {self.downs}"
                f"{', and res2 halves once more' if self.res2 else ''})"
            )
        if smallest < 2 and self.pose_norm:
            raise ValueError(
                f"image_size {size} leaves the pose encoder one position, where instance norm has nothing to "
                f"normalise: use at least {2 * multiple}, or a smaller downs"
            )

    def draw_noise(
        self, batch: int, device: torch.device | str = "cpu", generator: torch.Generator | None = None
    ) -> Tensor:
        """Standard normal noise (B, 2, 4m): [:, 0] is eps of the identity code, [:, 1] is eps' of the decoder.

        Drawn on the CPU, so that a seed means the same picture on every device.
        """
        return torch.randn(batch, 2, self.code_width, generator=generator).to(device)

    def encode_identity(self, identity: Tensor, eps: Tensor) -> dict[int, Tensor]:
        """Identity (B, 3, S, S) and eps (B, 4m) -> the identity encoder's skips."""
        return self.idenity_encoder(identity, eps)

    def encode_pose(self, pose: Tensor, identity_skips: dict[int, Tensor]) -> dict[int, Tensor]:
        """Pose (B, 3, S, S) -> the pose encoder's skips; the identity's matter only with enc_adain/attn_layers."""
        return self.pose_encoder(pose, identity_skips)

    def decode(self, identity_skips: dict[int, Tensor], pose_skips: dict[int, Tensor], eps: Tensor) -> Tensor:
        """Skips of both (decoder.identity_levels and decoder.pose_levels suffice) and eps' (B, 4m) -> (B, 3, S, S)."""
        return self.decoder(identity_skips, pose_skips, eps)

    def forward(self, identity: Tensor, pose: Tensor, noise: Tensor | None = None) -> Tensor:
        """identity, pose: (B, 3, S, S) in [-1, 1]; noise: (B, 2, 4m), None to draw it, zeros for a fixed picture.

        Returns (B, 3, S, S) in [-1, 1].
        """
        if noise is None:
            noise = self.draw_noise(len(identity), identity.device)
        noise = noise.to(identity.dtype)
        identity_skips = self.encode_identity(identity, noise[:, 0])
        pose_skips = self.encode_pose(pose, identity_skips)
        return self.decode(identity_skips, pose_skips, noise[:, 1])
