"""Garment transfer: two coordinate textures mixed by parts, each read from its own picture.

The paper shows garment transfer and released no code for it. Here the refiner, too, gets the skips of a garment's
pixels from the picture that the garment comes from.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.iuv import ATLAS_GRID, PARTS
from capture.methods import base
from capture.methods.coord_inpainting.generator import NO_TEXEL, CoordinateInpainting, Warped

GROUPS: dict[str, tuple[str, ...]] = {
    "head": ("head", "face", "ears", "neck"),
    "hair": ("hair",),
    "hat": ("hat",),
    "torso": ("chest", "belly", "pelvis", "skirt", "cape"),
    "arms": ("l_upper_arm", "l_forearm", "r_upper_arm", "r_forearm"),
    "hands": ("l_hand", "r_hand"),
    "legs": ("l_thigh", "l_shin", "r_thigh", "r_shin"),
    "feet": ("l_foot", "r_foot"),
}
# of the SMPL atlas, in its coordinates: (left, top, right, bottom); measured on the release's samples, approximate
SMPL_BOXES: dict[str, tuple[float, float, float, float]] = {
    "head": (-0.95, -1.0, 0.10, -0.10),
    "torso": (-1.0, -0.10, 0.25, 0.85),
    "arms": (0.25, -0.20, 1.0, 0.50),
    "hands": (0.25, 0.60, 1.0, 1.0),
}


def parse_parts(text: str, atlas: str = "toon") -> tuple[str, ...]:
    """Names with commas between them, such as torso,legs: keys of GROUPS, and of the toon atlas also those of PARTS.

    Raises:
        CaptureError: a name that there is not, or none.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    choices = tuple(SMPL_BOXES) if atlas == "smpl" else tuple(dict.fromkeys((*GROUPS, *PARTS)))
    wrong = next((name for name in names if name not in choices), None)
    if wrong is not None or not names:
        raise CaptureError(f"--parts: {'no name' if wrong is None else repr(wrong)}; choose from {', '.join(choices)}")
    return names


def texels_of_parts(names: Sequence[str], size: int, atlas: str = "toon") -> Tensor:
    """(1, 1, T, T) of 0 and 1: the texels of the named parts (see parse_parts), T = size."""
    at = (torch.arange(size) + 0.5) / size  # (T,)
    if atlas == "smpl":
        mask = torch.zeros(size, size)
        for name in names:
            left, top, right, bottom = SMPL_BOXES[name]
            inside = [(2 * at - 1 >= low) & (2 * at - 1 < high) for low, high in ((top, bottom), (left, right))]
            mask = torch.maximum(mask, (inside[0][:, None] & inside[1][None]).float())
        return mask[None, None]
    parts = {part for name in names for part in GROUPS.get(name, (name,))} | {name for name in names if name in PARTS}
    square = (at * ATLAS_GRID).long()  # (T,)
    chosen = torch.tensor([float(part in parts) for part in PARTS])
    return chosen[square[:, None] * ATLAS_GRID + square[None]][None, None]


@torch.no_grad()
def transfer_garment(
    generator: CoordinateInpainting, inputs: base.Inputs, garment: Tensor, garment_uv: Tensor, parts: Sequence[str]
) -> Tensor:
    """The identity in the pose of the driving map, with the named parts as another picture shows them.

    Args:
        inputs: as the generator reads them.
        garment: (B, 3, S, S) in [-1, 1], the picture that the parts come from.  garment_uv: its dense map.
        parts: see parse_parts.
    Returns:
        (B, 3, S, S) in [-1, 1].
    """
    driving_map, options = inputs[generator.options["drive"]], generator.options
    textures = [
        generator.make_texture(inputs["identity"], inputs["identity_uv"]),
        generator.make_texture(garment, garment_uv),
    ]
    own, other = (generator.warp_texture(texture, driving_map) for texture in textures)
    chosen = texels_of_parts(parts, generator.texture_size, options["atlas"]).to(own.picture.device)
    read = generator.convention.sample(
        chosen.expand(len(own.picture), -1, -1, -1), generator.place(own.uv).nan_to_num(NO_TEXEL)
    )
    worn = (read > 0.5).float() * own.mask  # (B, 1, S, S)
    mixed = Warped(
        mix(own.picture, other.picture, worn),
        own.uv,
        own.mask,
        mix(own.xy, other.xy, worn),
        mix(own.known, other.known, worn),
    )
    if options["stage"] == "texture":
        return 2 * mixed.picture - 1  # (B, 3, S, S)
    refiner, skips = generator.refiner, []
    for texture, warped in zip(textures, (own, other)):
        source, _ = generator.refiner_inputs(texture, warped)  # (B, 8, S, S)
        skips.append(refiner.warp_skips(refiner.encode("source", source), warped.xy, warped.mask))
    worn_skips = tuple(mix(a, b, _resized(worn, a)) for a, b in zip(*skips))
    target = generator.refiner_inputs(textures[0], mixed)[1]  # (B, 10 or 11, S, S)
    logits = refiner.decode(refiner.encode("target", target), worn_skips).float()  # (B, 3, S, S)
    if options["residual"]:
        logits = generator.corrected(logits, mixed)
    return 2 * torch.sigmoid(logits) - 1  # (B, 3, S, S)


def mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """b where share is 1, a where it is 0."""
    return a + (b - a) * share.to(a.dtype)


def _resized(mask: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(mask, size=like.shape[-2:], mode="nearest")
