"""From pictures and maps to pictures: the uint8 side of the pipeline, a few at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.images import denormalise, normalise
from capture.methods.coord_inpainting.garment import transfer_garment
from capture.methods.coord_inpainting.generator import CoordinateInpainting


@torch.no_grad()
def render(
    generator: CoordinateInpainting,
    identity: Tensor,
    identity_uv: Tensor,
    driving_map: Tensor,
    garment: tuple[Tensor, Tensor] | None = None,
    parts: Sequence[str] = (),
    batch_size: int = 8,
) -> Tensor:
    """Identities in the poses of maps.

    Args:
        generator: in evaluation mode, on any device.
        identity: uint8 (N, 3, S, S).
        identity_uv, driving_map: as capture.io.uv_maps.load_uv_map gives them, stacked: uint8 (N, 3, S, S) or float
            (N, 2, S, S).
        garment: a picture and its map, (N or 1, ...) each, that `parts` come from (see garment.parse_parts).
    Returns:
        uint8 (N, 3, S, S) on the CPU.
    Raises:
        CaptureError: not equally many pictures and maps, or of several sizes.
    """
    given = {"identity": identity, "identity_uv": identity_uv, generator.options["drive"]: driving_map}
    if garment is not None:
        given |= dict(zip(("garment", "garment_uv"), (x.expand(len(identity), *x.shape[1:]) for x in garment)))
    for role, values in given.items():
        if len(values) != len(identity) or values.shape[-2:] != identity.shape[-2:]:
            raise CaptureError(
                f"{role}: {len(values)} of {values.shape[-1]}x{values.shape[-2]} beside {len(identity)} identities of "
                f"{identity.shape[-1]}x{identity.shape[-2]}; give a map of the same size for each picture"
            )
    device, made = next(generator.parameters()).device, []
    for start in range(0, len(identity), batch_size):
        batch = {role: values[start : start + batch_size].to(device) for role, values in given.items()}
        batch |= {role: normalise(batch[role]) for role in ("identity", "garment") if role in batch}
        if garment is None:
            picture = generator(batch)
        else:
            picture = transfer_garment(generator, batch, batch["garment"], batch["garment_uv"], parts)
        made.append(denormalise(picture).cpu())
    return torch.cat(made)
