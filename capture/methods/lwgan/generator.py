"""The generator of Liquid Warping GAN: a background, a source and a transfer stream, and their composition.

Liu et al., ICCV 2019. In place of a body model's mesh, IUV maps say which surface point each pixel shows: they give the
conditional maps and the correspondence flow. The streams share no weights; their names are the release's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.iuv import ATLAS_GRID
from capture.methods.base import Details, Features, Generator, Inputs
from capture.methods.lwgan.liquid_warping import LiquidWarping, Warpable
from capture.methods.lwgan.networks import HALVINGS, ResNet, ResUnet
from capture.methods.lwgan.stream_inputs import background_inputs, border_median, hole_kernel, source_inputs
from capture.nn.geometry import warp
from capture.nn.iuv import correspondence_flow
from capture.nn.iuv_images import atlas_map, part_map

CONDITIONS = {"atlas": (atlas_map, 3), "parts": (part_map, ATLAS_GRID**2 + 3)}  # conditional maps and their channels


@dataclass
class LwganDetails(Details):
    """What the losses read.

    Attributes:
        image: (B, 3, S, S), the transfer Î_t.  reconstruction: the source's picture made again, Î_s.
        mask, reconstruction_mask: (B, 1, S, S) of both, 1 = background.
        condition: (B, C, S, S), the conditional map of the reference, C_r.
        flow: (B, S, S, 2), from the reference to the source; -2 where the source does not show the point.
    """

    reconstruction: Tensor
    mask: Tensor
    reconstruction_mask: Tensor
    condition: Tensor
    flow: Tensor


class LiquidWarpingGenerator(Generator):
    """(identity, identity_uv, a driving map) -> the identity in the pose of the driving map.

    Args:
        options: lwgan_config.
    """

    def __init__(self, options: dict[str, Any]):
        super().__init__()
        self.options, self.drive = options, options["drive"]
        self.inputs = ("identity", "identity_uv", self.drive)
        self.align_corners = options["align_corners"]
        self.make_condition, channels = CONDITIONS[options["condition"]]
        conv_dim, repeat_num = options["conv_dim"], options["repeat_num"]
        if options["background"] == "learned":
            self.bg_model = ResNet(4, conv_dim, repeat_num)
        self.src_model = ResUnet(3 + channels, conv_dim, repeat_num)
        self.tsf_model = ResUnet(3 + channels, conv_dim, repeat_num)

    def check_size(self, size: int) -> None:
        step = 2**HALVINGS
        if size % step or size < 2 * step:
            raise ValueError(
                f"image_size {size} must be a multiple of {step}, and at least {2 * step}, for lwgan: "
                f"{max(size // step, 2) * step} is near"
            )

    def forward(self, inputs: Inputs, noise: Tensor | None = None, details: bool = False) -> Tensor | LwganDetails:
        """Render identities as the driving maps show them.

        Args:
            inputs: identity (B, 3, S, S) in [-1, 1]; identity_uv and the driving map, uint8 (B, 3, S, S).
            noise: ignored; the method has none.
            details: return LwganDetails, with the source stream's own picture.
        Returns:
            (B, 3, S, S) float32 in [-1, 1].
        Raises:
            CaptureError: a map of another type or size than its picture's.
        """
        if not details:
            return self.decode(self.encode_identity(inputs, noise), self.encode_pose(inputs), noise)
        condition, reference = (self.make_condition(self._map(inputs, role)) for role in ("identity_uv", self.drive))
        return self.render(inputs["identity"], condition, reference, self._flow(inputs))

    def render(self, image: Tensor, condition: Tensor, reference_condition: Tensor, flow: Tensor) -> LwganDetails:
        """The same from conditional maps and a flow made elsewhere (capture.methods.lwgan.body_model).

        Args:
            image: (B, 3, S, S) in [-1, 1].  condition, reference_condition: (B, C, S, S), of the identity and of the
                reference, the background's flag in the last channel.  flow: (B, S, S, 2), from reference to identity.
        """
        source = self._encode_source(image, condition)
        background = self._background(image, condition)
        picture, mask = self._transfer(image, source, background, reference_condition, flow)
        colour, source_mask = self.src_model.decode(source)
        reconstruction = compose(source_mask, background, colour)
        return LwganDetails(picture, reconstruction, mask, source_mask, reference_condition, flow)

    def encode_identity(self, inputs: Inputs, noise: Tensor | None) -> Features:
        """The background and what the source stream contributes to the transfer: all that one identity needs once."""
        image, condition = inputs["identity"], self.make_condition(self._map(inputs, "identity_uv"))
        source = self._encode_source(image, condition)
        features: Features = {("source", index): x for index, x in enumerate(source) if index > 0}
        own = {role: inputs[role] for role in ("identity", "identity_uv")}
        return {**own, **features, "background": self._background(image, condition)}

    def encode_pose(self, inputs: Inputs) -> Features:
        return {self.drive: inputs[self.drive]}

    def decode(self, identity: Features, pose: Features, noise: Tensor | None) -> Tensor:
        source = {key[1]: x for key, x in identity.items() if isinstance(key, tuple) and key[0] == "source"}
        image, background, inputs = identity["identity"], identity["background"], {**identity, **pose}
        reference = self.make_condition(self._map(inputs, self.drive))
        return self._transfer(image, source, background, reference, self._flow(inputs))[0]

    def _background(self, image: Tensor, condition: Tensor) -> Tensor:
        """(B, 3, S, S), or (B, 3, 1, 1) for one colour."""
        if self.options["background"] == "constant":
            return border_median(image.float())
        kernel = self.options["kernels"]["background"] or hole_kernel(image.shape[-1])
        background: Tensor = self.bg_model(background_inputs(image, condition[:, -1:], kernel))
        return background

    def _encode_source(self, image: Tensor, condition: Tensor) -> list[Tensor]:
        kernel = self.options["kernels"]["figure"]
        return self.src_model.encode(source_inputs(image, condition, condition[:, -1:], kernel))

    def _flow(self, inputs: Inputs) -> Tensor:
        """(B, S, S, 2), from the reference to the identity."""
        radius, fill = self.options["flow_radius"], self.options["flow_fill"]
        maps = inputs[self.drive], inputs["identity_uv"]
        return correspondence_flow(*maps, radius, fill=fill, align_corners=self.align_corners)

    def _transfer(
        self, image: Tensor, source: Warpable, background: Tensor, condition: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The picture (B, 3, S, S) and its background mask (B, 1, S, S)."""
        warped = warp(image.float(), flow, self.align_corners)  # (B, 3, S, S)
        warping = LiquidWarping([source], [flow], self.options["flow_resize"], self.align_corners)
        features = self.tsf_model.encode(torch.cat([warped, condition], dim=1), warping)
        colour, mask = self.tsf_model.decode(features)  # (B, 3, S, S), (B, 1, S, S)
        return compose(mask, background, colour), mask

    def _map(self, inputs: Inputs, role: str) -> Tensor:
        """The IUV map of a role, checked."""
        uv, size = inputs[role], tuple(inputs["identity"].shape[-2:])
        if uv.dtype != torch.uint8 or uv.ndim != 4 or uv.shape[1] != 3:
            raise CaptureError(f"{role}: IUV maps are uint8 (B, 3, S, S), not {_kind(uv)}: give part, u and v")
        if uv.shape[-2:] != size or len(uv) != len(inputs["identity"]):
            raise CaptureError(
                f"{role}: {_kind(uv)} does not fit pictures of {'x'.join(map(str, inputs['identity'].shape))}: "
                "give a map of the size of each picture"
            )
        return uv


def compose(mask: Tensor, background: Tensor, colour: Tensor) -> Tensor:
    """mask * background + (1 - mask) * colour; the mask is 1 on the background."""
    return mask * background + (1 - mask) * colour


def _kind(uv: Tensor) -> str:
    return f"{str(uv.dtype).removeprefix('torch.')} {'x'.join(map(str, uv.shape))}"
