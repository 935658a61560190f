"""The pipeline: coordinates from the identity's map, completed; a warped picture; and the refined one.

Grigorev et al., Coordinate-based texture inpainting for pose-guided human image generation, CVPR 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from capture.methods import base
from capture.methods.coord_inpainting.atlas import keep_inside_cells, to_uv, validity
from capture.methods.coord_inpainting.filling import fill_coordinates
from capture.methods.coord_inpainting.grids import Convention
from capture.methods.coord_inpainting.inpainter import SMALLEST_TEXTURE, Inpainter
from capture.methods.coord_inpainting.refiner import Refiner
from capture.methods.coord_inpainting.splatting import splat

NO_TEXEL = -10.0  # coordinates of background pixels, which fall off the texture
LARGEST_FILLED = 0.999  # coordinates whose inverse tanh the inpainter can still correct
DARKEST = 0.01  # a colour whose logit the refiner can still correct


@dataclass
class Texture:
    """What an identity contributes.

    Attributes:
        picture: (B, 3, S, S) in [0, 1], all of the identity's.
        uv: (B, 2, S, S), NaN for background.  mask: (B, 1, S, S) of 0 and 1.
        xy_partial: (B, 2, T, T), where each texel lies in the picture, 0 where unknown.
        known: (B, 1, T, T) of 0 and 1.
        xy: (B, 2, T, T), completed.
        colours: (B, 3, T, T), what lies there.
    """

    picture: Tensor
    uv: Tensor
    mask: Tensor
    xy_partial: Tensor
    known: Tensor
    xy: Tensor
    colours: Tensor


@dataclass
class Warped:
    """A texture in the target's pose.

    Attributes:
        picture: (B, 3, S, S) in [0, 1], 0 outside the figure.
        uv: (B, 2, S, S), NaN for background.  mask: (B, 1, S, S) of 0 and 1.
        xy: (B, 2, S, S), where each pixel lies in the identity's picture; 0 outside the figure.
        known: (B, 1, S, S) in [0, 1], whether the identity's picture shows the point.
    """

    picture: Tensor
    uv: Tensor
    mask: Tensor
    xy: Tensor
    known: Tensor


@dataclass
class CoordinateDetails(base.Details):
    """Details with the texture, the warped picture, and the refiner's logits (None in stage texture)."""

    texture: Texture
    warped: Warped
    logits: Tensor | None


class CoordinateInpainting(base.Generator):
    """f and g.

    Args:
        options: coord_inpainting_config.  size: side S of the pictures.
    """

    def __init__(self, options: dict[str, Any], size: int):
        super().__init__()
        self.options = options
        self.inputs = ("identity", "identity_uv", options["drive"])
        self.coordinates = options["atlas"] == "smpl"
        self.convention = Convention(options["convention"], options["align_corners"])
        self.texture_size = options["texture_size"] or size
        self.inpainter = Inpainter(options["inpainter_width"], options["skips"])
        self.refiner = Refiner(options["refiner_width"], self.convention, int(options["known_to_refiner"]))

    def check_size(self, size: int) -> None:
        texture = self.options["texture_size"] or size
        if size % 4 or size < 8:
            raise ValueError(f"image_size {size} has to be a multiple of 4 and at least 8 for coordinate inpainting")
        if texture % 4 or texture < SMALLEST_TEXTURE:
            raise ValueError(
                f"coord_inpainting_config.texture_size {texture} has to be a multiple of 4 "
                f"and at least {SMALLEST_TEXTURE}"
            )
        toon = [name for name in ("separate_cells", "mirror") if self.options[name] and self.options["atlas"] != "toon"]
        if toon:
            raise ValueError(f"coord_inpainting_config.{toon[0]} needs atlas toon")
        if self.options["separate_cells"] and self.options["convention"] != "centres":
            raise ValueError("coord_inpainting_config.separate_cells needs convention centres")
        if self.options["mirror"] and not self.options["fill"]:
            raise ValueError("coord_inpainting_config.mirror needs fill")
        if self.options["fill"] and self.options["atlas"] == "toon" and texture % 5:
            raise ValueError(f"coord_inpainting_config.fill needs a texture_size that 20 divides, not {texture}")

    def make_texture(self, identity: Tensor, identity_uv: Tensor) -> Texture:
        """From the picture, (B, 3, S, S) in [-1, 1], and its map (see atlas.to_uv)."""
        options, size = self.options, (self.texture_size, self.texture_size)
        uv = to_uv(identity_uv)  # (B, 2, S, S)
        picture, mask = (identity.float() + 1) / 2, validity(uv)  # (B, 3, S, S), (B, 1, S, S)
        mesh = self.convention.mesh(picture.shape[2], picture.shape[3], picture.device).expand_as(uv)  # (B, 2, S, S)
        place = self.place(uv).nan_to_num(NO_TEXEL)  # (B, 2, S, S)
        xy_partial, known = splat(mesh, place, size, self.convention)  # (B, 2, T, T), (B, 1, T, T)
        start = xy_partial
        if options["fill"]:
            start = fill_coordinates(xy_partial, known, options["atlas"] == "toon", options["mirror"])  # (B, 2, T, T)
        texels = self.convention.mesh(*size, picture.device).expand_as(xy_partial)  # (B, 2, T, T)
        correction = self.inpainter(torch.cat([start, known, texels], dim=1))  # (B, 2, T, T)
        if options["fill"]:
            correction = correction + start.clamp(-LARGEST_FILLED, LARGEST_FILLED).atanh()  # (B, 2, T, T)
        xy = torch.tanh(correction)  # (B, 2, T, T)
        if options["keep_known"]:
            xy = known * xy_partial + (1 - known) * xy  # (B, 2, T, T)
        readable = picture * mask if options["mask_source"] else picture  # (B, 3, S, S)
        return Texture(picture, uv, mask, xy_partial, known, xy, self.convention.sample(readable, xy))

    def warp_texture(self, texture: Texture, target_map: Tensor) -> Warped:
        """Texture -> the picture that it gives in the map's pose; 0 outside the figure."""
        uv = to_uv(target_map)  # (B, 2, S, S)
        mask = validity(uv)  # (B, 1, S, S)
        both = torch.cat([texture.colours, texture.xy, texture.known], dim=1)  # (B, 6, T, T)
        read = self.convention.sample(both, self.place(uv).nan_to_num(NO_TEXEL)) * mask  # (B, 6, S, S)
        return Warped(read[:, :3], uv, mask, read[:, 3:5], read[:, 5:])

    def place(self, uv: Tensor) -> Tensor:
        """Where pixels of a map (B, 2, S, S) are put into the texture and read from it; NaN stays."""
        return keep_inside_cells(uv, self.texture_size) if self.options["separate_cells"] else uv

    def refine(self, texture: Texture, warped: Warped) -> Tensor:
        """Logits (B, 3, S, S) of the picture."""
        source, target = self.refiner_inputs(texture, warped)  # (B, 8, S, S), (B, 10 or 11, S, S)
        logits = self.refiner(source, target, warped.xy, warped.mask)  # (B, 3, S, S)
        return self.corrected(logits, warped) if self.options["residual"] else logits

    def corrected(self, logits: Tensor, warped: Warped) -> Tensor:
        """The logits as a correction of the warped picture on its figure; elsewhere they are the picture."""
        start = warped.picture.clamp(DARKEST, 1 - DARKEST).logit()  # (B, 3, S, S)
        return logits.float() + start * warped.mask  # (B, 3, S, S)

    def refiner_inputs(self, texture: Texture, warped: Warped) -> tuple[Tensor, Tensor]:
        """What the refiner reads of the source and of the target."""
        nothing = self.options["no_uv"]
        height, width = texture.picture.shape[-2:]
        mesh = self.convention.mesh(height, width, texture.picture.device).expand_as(texture.uv)
        source = [texture.picture, texture.uv.nan_to_num(nothing), texture.mask, mesh]
        target = [warped.picture, warped.uv.nan_to_num(nothing), warped.mask, warped.xy, mesh]
        if self.options["known_to_refiner"]:
            target.append(warped.known)
        return torch.cat(source, dim=1), torch.cat(target, dim=1)

    def forward(self, inputs: base.Inputs, noise: Tensor | None = None, details: bool = False) -> Any:
        texture = self.make_texture(inputs["identity"], inputs["identity_uv"])
        warped = self.warp_texture(texture, inputs[self.options["drive"]])
        logits = None if self.options["stage"] == "texture" else self.refine(texture, warped)  # (B, 3, S, S)
        picture = warped.picture if logits is None else torch.sigmoid(logits.float())  # (B, 3, S, S)
        image = 2 * picture - 1  # (B, 3, S, S)
        return CoordinateDetails(image, texture, warped, logits) if details else image

    def encode_identity(self, inputs: base.Inputs, noise: Tensor) -> base.Features:
        return dict(vars(self.make_texture(inputs["identity"], inputs["identity_uv"])))

    def encode_pose(self, inputs: base.Inputs) -> base.Features:
        return {self.options["drive"]: inputs[self.options["drive"]]}

    def decode(self, identity: base.Features, pose: base.Features, noise: Tensor) -> Tensor:
        texture = Texture(**identity)
        warped = self.warp_texture(texture, pose[self.options["drive"]])
        if self.options["stage"] == "texture":
            return 2 * warped.picture - 1  # (B, 3, S, S)
        return 2 * torch.sigmoid(self.refine(texture, warped).float()) - 1  # (B, 3, S, S)
