"""The generator of CaPTURe: identity image x pose image -> the identity in that pose."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.decoder import Decoder
from capture.methods.capture.encoders import PICTURE, SEEN, IdentityEncoder, PoseEncoder
from capture.methods.capture_parts.layout import Layout
from capture.methods.capture_parts.part_model import Body
from capture.methods.capture_parts.part_motion import Motion
from capture.methods.capture_parts.segmenter import Seen


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
        self.patch, code = config["patch"], config["code_ch"] or iden["min_ch"]
        if self.patch > 1:
            iden, pose = ({**encoder, "c_in": encoder["c_in"] * self.patch**2} for encoder in (iden, pose))
        self.downs, self.res2, self.pose_norm = iden["downs"], pose["res2"], pose["in_norm"]
        self.code_width = 4 * code  # 4m
        self.idenity_encoder = IdentityEncoder(**iden, code_ch=code)  # the spelling of published checkpoints
        self.pose_encoder = PoseEncoder(**pose, code_ch=code)
        parts = config["body_parts"]
        self.decoder = Decoder(
            downs=iden["downs"], c=iden["c"], **dec, code_ch=code, c_out=3 * self.patch**2, body=parts > 0
        )
        self.body = Body(parts, self.patch) if parts else None

    def check_size(self, size: int) -> None:
        """ValueError, naming the rule, unless images of side `size` fit this configuration."""
        multiple = self.patch * 2 ** (self.downs + 2 + self.res2)
        smallest = size // multiple
        side = self.patch * Body.multiple
        if self.body is not None and (size % side or size < 2 * side):
            raise ValueError(
                f"image_size {size} must be a multiple of {side} = patch * {Body.multiple}, and at least {2 * side}, "
                "with body_parts"
            )
        if size < 1 or size % multiple:
            raise ValueError(
                f"image_size {size} must be a multiple of {'patch * ' if self.patch > 1 else ''}2^(downs+2) = "
                f"{multiple} (downs is {self.downs}{', and res2 halves once more' if self.res2 else ''})"
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
        picture = self._patches(identity)
        skips = self.idenity_encoder(picture, eps)
        wanted = PICTURE in self.decoder.identity_levels
        return {**skips, PICTURE: picture, **self._seen(picture)} if wanted else skips

    def encode_pose(self, pose: Tensor, identity_skips: dict[int, Tensor]) -> dict[int, Tensor]:
        """Pose (B, 3, S, S) -> the pose encoder's skips; the identity's matter only with enc_adain/attn_layers."""
        picture = self._patches(pose)
        return {**self.pose_encoder(picture, identity_skips), **self._seen(picture)}

    def _seen(self, picture: Tensor) -> dict[int, Tensor]:
        """What the body's reader sees in a picture, as skips."""
        return {} if self.body is None else dict(zip(SEEN, self.body.read(picture)))

    def decode(self, identity_skips: dict[int, Tensor], pose_skips: dict[int, Tensor], eps: Tensor) -> Tensor:
        """Skips of both (decoder.identity_levels and decoder.pose_levels suffice) and eps' (B, 4m) -> (B, 3, S, S)."""
        places = None
        if self.body is not None:
            places = self.body.places(*(Seen(*(skips[k] for k in SEEN)) for skips in (identity_skips, pose_skips)))
        image = self.decoder(identity_skips, pose_skips, eps, places)
        return F.pixel_shuffle(image, self.patch) if self.patch > 1 else image

    def _patches(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3 patch², S / patch, the same), which the networks see as the picture."""
        return F.pixel_unshuffle(image, self.patch) if self.patch > 1 else image

    def lay_out(self, identity: Tensor, pose: Tensor) -> tuple[Seen, Seen, Motion, Layout]:
        """What the body sees in both pictures (B, 3, S, S), how it moves, and how the output is laid out."""
        both = self.body.read(self._patches(torch.cat([identity, pose])))
        seen = [Seen(*pair) for pair in zip(*(x.chunk(2) for x in both))]
        return *seen, *self.body(*seen)

    def forward(self, identity: Tensor, pose: Tensor | None, noise: Tensor | None = None, painted: bool = True) -> Any:
        """identity, pose: (B, 3, S, S) in [-1, 1]; noise: (B, 2, 4m), None to draw it, zeros for a fixed picture.

        Returns (B, 3, S, S) in [-1, 1]; what `lay_out` does, where it is not to be painted; what the body reads in the
        identity's pictures, where there is no pose.
        """
        if pose is None:
            return self.body.read(self._patches(identity))
        if not painted:
            return self.lay_out(identity, pose)
        if noise is None:
            noise = self.draw_noise(len(identity), identity.device)
        noise = noise.to(identity.dtype)
        identity_skips = self.encode_identity(identity, noise[:, 0])
        pose_skips = self.encode_pose(pose, identity_skips)
        return self.decode(identity_skips, pose_skips, noise[:, 1])
