"""Ground truth of a scene: IUV maps, the atlas, and the joints."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from capture.data.toon.characters.solids import CODES
from capture.data.toon.rendering.camera import joints_of
from capture.data.toon.rendering.face_parts import with_face_parts
from capture.data.toon.rendering.raster import EMPTY
from capture.data.toon.rendering.scene import SUPERSAMPLE, Scene
from capture.data.toon.skeleton import JOINTS
from capture.io.iuv import ATLAS_GRID, SLOT_GRID


def surface_maps(scene: Scene, outputs: Sequence[str]) -> dict[str, Tensor]:
    """Part and surface coordinates of the top left sample of each pixel."""
    batch, surfaces, solid, seen, keys = scene.batch, scene.surfaces, scene.solid, scene.seen, scene.keys
    part, slot = batch.codes[solid, CODES["part"]], batch.codes[solid, CODES["slot"]]
    grid = torch.from_numpy(SLOT_GRID).to(part.device)[part - 1]
    v = torch.where(surfaces.inside, 0.5 + 0.5 * surfaces.v, 0.5 * surfaces.v)
    # only open shells have an inside: other solids use their whole cell
    shell = (batch.solids.kind == 1) & (
        (batch.solids.shape[:, 0] != 1) | (batch.solids.plane[:, 3] < 2) | (batch.solids.shape[:, 3] > -1)
    )
    v = torch.where(shell[solid], v, surfaces.v).clamp(0, 0.9999)
    u = (surfaces.u.clamp(0, 0.9999) + slot % grid) / grid
    v = (v + torch.div(slot, grid, rounding_mode="floor")) / grid
    result = {}

    def image(values: Tensor, empty: float, dtype: torch.dtype) -> Tensor:
        full = torch.full((keys.numel(), values.shape[1]), empty, dtype=dtype, device=values.device)
        full.index_copy_(0, seen, values.to(dtype))
        return full.reshape(*keys.shape, -1)[:, ::2, ::2].permute(0, 3, 1, 2).contiguous()

    if "iuv" in outputs:
        result["iuv"] = image(torch.stack((part.float(), (u * 255).round(), (v * 255).round()), -1), 0, torch.uint8)
    if "iuv_faces" in outputs:
        faces = with_face_parts(scene, part)
        result["iuv_faces"] = image(
            torch.stack((faces.float(), (u * 255).round(), (v * 255).round()), -1), 0, torch.uint8
        )
    if "uv" in outputs:
        column, line = (part - 1) % ATLAS_GRID, torch.div(part - 1, ATLAS_GRID, rounding_mode="floor")
        result["uv"] = image(
            torch.stack(((column + u) / ATLAS_GRID, (line + v) / ATLAS_GRID), -1), float("nan"), torch.float32
        )
    return result


def visible_joints(scene: Scene) -> Tensor:
    """(N, J, 3): column and row in pixels, and 1 where it is in the picture and only its own limb stands before it."""
    batch, keys, depth, fine = scene.batch, scene.keys, scene.depth, scene.side
    at = joints_of(batch.placed, batch.camera)
    count = at.shape[0]
    column, row = (at[..., i].floor().long().clamp(0, fine - 1) for i in (0, 1))
    frames = torch.arange(count, device=at.device).unsqueeze(1)
    front = torch.where(keys[frames, row, column] == EMPTY, -torch.inf, depth[frames, row, column])
    cover = batch.height.unsqueeze(1) * torch.where(
        torch.tensor(
            [name in ("head", "head_top", "neck", "pelvis", "spine", "chest") for name in JOINTS], device=at.device
        ),
        0.24,
        0.085,
    )
    inside = ((at[..., :2] >= 0) & (at[..., :2] < fine)).all(-1)
    visible = ((front - at[..., 2] < cover) & inside).float()
    return torch.stack((at[..., 0] / SUPERSAMPLE, at[..., 1] / SUPERSAMPLE, visible), -1)
