"""`render`: from shots to pictures and their ground truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.data.toon.characters.character import make_character
from capture.data.toon.characters.solids import CODES, GEOMETRY, MATERIAL
from capture.data.toon.motion.motions import posture
from capture.data.toon.rendering.camera import Camera, Placed, Shot, frame_shots, joints_of, place_on_ground
from capture.data.toon.rendering.outlines import grown, inner_lines
from capture.data.toon.rendering.raster import EMPTY, SOLID_BITS, Solids, depth_of, inverse3, visibility
from capture.data.toon.rendering.surface import Surface, surface
from capture.data.toon.rendering.texture import fabric, face, muzzle
from capture.data.toon.skeleton import JOINTS, dot3, matmul3, unit3
from capture.io.iuv import ATLAS_GRID, SLOT_GRID

OUTPUTS = ("rgb", "mask", "iuv", "uv", "joints", "depth")
BACKGROUND = (235, 235, 235)
_SUPERSAMPLE = 2
_LIGHT = (-0.46, -0.62, 0.64)  # from the upper left, in front; x right, y down, z towards the viewer
_SHADE = (0.74, 0.69, 0.79)  # the second tone: darker, cooler
_CHUNK_PIXELS = {"cpu": 2**21, "cuda": 2**26}


class _Batch:
    """The solids of some shots, flattened: solid p belongs to picture frame[p]."""

    def __init__(self, shots: Sequence[Shot], size: int, device: str) -> None:
        characters = [make_character(shot.character_seed) for shot in shots]
        self.characters = characters
        pose = posture([s.clip for s in shots], [s.time for s in shots], [s.clip_style_seed for s in shots], device)
        self.placed = place_on_ground(pose, characters)
        self.camera = frame_shots(shots, characters, size, device)
        counts = torch.tensor([len(c.codes) for c in characters])
        frame = torch.repeat_interleave(torch.arange(len(characters)), counts)
        start = torch.cumsum(counts, 0) - counts
        geometry = torch.from_numpy(np.concatenate([c.geometry for c in characters])).to(device)
        self.codes = torch.from_numpy(np.concatenate([c.codes for c in characters])).to(device)
        first_material = np.cumsum([0] + [len(c.materials) for c in characters][:-1])
        self.materials = torch.from_numpy(np.concatenate([c.materials for c in characters])).to(device)
        self.faces = torch.from_numpy(np.stack([c.face for c in characters])).to(device)
        self.outline = torch.tensor([c.outline for c in characters], dtype=torch.float32, device=device)
        self.start, index = start.to(device), (torch.arange(len(frame)) - start[frame]).to(device)
        frame = frame.to(device)
        self.material = self.codes[:, CODES["material"]] + torch.from_numpy(first_material).to(device)[frame]
        self.front = geometry[:, GEOMETRY["front"]]
        self.height = (
            torch.tensor([c.height for c in characters], dtype=torch.float32, device=device) * self.camera.scale
        )
        matrix, centre = _project(self.placed, self.camera, frame, self.codes[:, CODES["frame"]], geometry)
        self.solids = Solids(
            frame,
            index,
            self.codes[:, CODES["kind"]],
            matrix,
            inverse3(matrix),
            centre,
            geometry[:, GEOMETRY["shape"]],
            geometry[:, GEOMETRY["plane"]],
            geometry[:, GEOMETRY["zigzag"]],
        )


def _project(placed: Placed, camera: Camera, frame: Tensor, joint: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor]:
    """Affine frames of solids in pixels: perspective enters as its derivative at each solid's centre."""
    world = placed.matrix[frame, joint]
    centre = geometry[:, GEOMETRY["centre"]]
    at = placed.origin[frame, joint] + matmul3(world, centre.unsqueeze(-1)).squeeze(-1)
    of_solids: dict[str, Any] = {name: v[frame] for name, v in vars(camera).items() if isinstance(v, Tensor)}
    one = dataclasses.replace(camera, **of_solids)
    pixel, zoom = one.project(at.unsqueeze(1))
    pixel, zoom = pixel[:, 0], zoom[:, 0]
    affine = matmul3(one.turn, matmul3(world, geometry[:, GEOMETRY["affine"]].unflatten(-1, (3, 3))))
    x, y, z = affine.unbind(-2)  # rows, each (P, 3)
    lean_x = ((pixel[:, 0] - one.middle) / one.scale * zoom * one.near).unsqueeze(-1)
    lean_y = (((one.floor - pixel[:, 1]) / one.scale - one.centre) * zoom * one.near).unsqueeze(-1)
    scale, zoom = one.scale.unsqueeze(-1), zoom.unsqueeze(-1)
    return torch.stack((scale * (zoom * x + lean_x * z), -scale * (zoom * y + lean_y * z), scale * z), -2), pixel


def _light(colour: Tensor, normal: Tensor, gloss: Tensor, edge: Tensor) -> Tensor:
    """Two tones, and a third where the surface shines."""
    light = unit3(torch.tensor(_LIGHT, device=colour.device))
    facing = dot3(normal, light.expand_as(normal))
    shade = torch.tensor(_SHADE, device=colour.device)
    colour = torch.where((facing < edge).unsqueeze(-1), colour * shade, colour)
    half = unit3(light + torch.tensor((0.0, 0.0, 0.35), device=colour.device))
    spot = (gloss == 1) & (dot3(normal, half.expand_as(normal)) > 0.965)
    ring = (gloss == 2) & (normal[:, 1] < -0.5) & (normal[:, 1] > -0.68) & (facing > 0.5)
    colour = torch.where(spot.unsqueeze(-1), colour + (1 - colour) * 0.55, colour)
    return torch.where(ring.unsqueeze(-1), colour + (1 - colour) * 0.24, colour)


def _shade(batch: _Batch, surfaces: Surface, solid: Tensor) -> Tensor:
    """Colours (F, 3) of seen pixels."""
    rows = batch.materials.index_select(0, batch.material.index_select(0, solid))
    colour = fabric(rows, surfaces)
    face_kind = batch.codes[:, CODES["face"]].index_select(0, solid)
    for kinds, texture in (((1,), face), ((2, 3), muzzle)):
        some = torch.zeros_like(face_kind, dtype=torch.bool)
        for kind in kinds:
            some |= face_kind == kind
        some = some.nonzero().squeeze(1)
        if len(some):
            part = Surface(*(value.index_select(0, some) for value in vars(surfaces).values()))
            faces = batch.faces.index_select(0, batch.solids.frame[solid[some]])
            extra = () if texture is face else (face_kind[some],)
            colour = colour.index_copy(0, some, texture(faces, colour.index_select(0, some), part, *extra))
    edge = torch.where(face_kind > 0, -0.12, 0.12)  # faces stay open, or eyes would drown in shade
    return _light(colour, surfaces.normal, rows[:, MATERIAL["gloss"]], edge)


def _chunk(
    shots: Sequence[Shot], size: int, device: str, outputs: Sequence[str], background: Sequence[int], shadow: bool
) -> dict[str, Tensor]:
    fine = size * _SUPERSAMPLE
    batch = _Batch(shots, fine, device)
    count = len(shots)
    keys = visibility(batch.solids, count, fine)
    flat = keys.reshape(-1)
    seen = (flat != EMPTY).nonzero().squeeze(1)
    key = flat[seen]
    frame = torch.div(seen, fine * fine, rounding_mode="floor")
    solid = batch.start[frame] + (key & (2**SOLID_BITS - 1)).long()
    z = depth_of(key, fine)
    result: dict[str, Tensor] = {}
    s = batch.solids
    inside = seen - frame * (fine * fine)
    row = torch.div(inside, fine, rounding_mode="floor")
    column = inside - row * fine
    offset = torch.stack((column + 0.5, row + 0.5, z), -1) - s.centre.index_select(0, solid)
    inverse = s.inverse.index_select(0, solid)
    point = matmul3(inverse, offset.unsqueeze(-1)).squeeze(-1)
    surfaces = surface(
        point,
        inverse,
        s.kind.index_select(0, solid),
        s.shape.index_select(0, solid),
        batch.front.index_select(0, solid),
    )

    depth = torch.full_like(flat, 0, dtype=torch.float32).index_copy_(0, seen, z).reshape(keys.shape)
    if "rgb" in outputs or "mask" in outputs:
        outer = max(1, round(fine / 170))
        number = torch.full_like(flat, -1).index_copy_(0, seen, key & (2**SOLID_BITS - 1)).reshape(keys.shape)
        body = number >= 0
        rim = grown(body, outer)
        if "mask" in outputs:
            result["mask"] = rim.reshape(count, size, 2, size, 2).sum((2, 4)) >= 2
    if "rgb" in outputs:
        colour = _shade(batch, surfaces, solid)
        group = (
            torch.full_like(flat, 0)
            .index_copy_(0, seen, batch.codes[:, CODES["group"]].to(torch.int32).index_select(0, solid))
            .reshape(keys.shape)
        )
        lines = inner_lines(number, group, depth, batch.height, fine >= 256)
        if fine >= 512:
            lines = grown(lines, fine // 512) & body
        inked = lines.reshape(-1)[seen]
        drawn = inked.nonzero().squeeze(1)
        outline = batch.outline.index_select(0, frame.index_select(0, drawn))
        colour = colour.index_copy(0, drawn, colour.index_select(0, drawn) * 0.22 + outline * 0.55)
        canvas = torch.tensor(background, dtype=torch.float32, device=device).div(255).repeat(count * fine * fine, 1)
        canvas = canvas.reshape(count, fine, fine, 3)
        if shadow:
            canvas = _ground_shadow(canvas, batch)
        canvas = torch.where((rim & ~body).unsqueeze(-1), batch.outline[:, None, None, :], canvas)
        canvas.view(-1, 3).index_copy_(0, seen, colour)
        pooled = canvas.reshape(count, size, 2, size, 2, 3)
        pooled = (pooled[:, :, 0, :, 0] + pooled[:, :, 0, :, 1] + pooled[:, :, 1, :, 0] + pooled[:, :, 1, :, 1]) * 0.25
        result["rgb"] = (pooled.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 3, 1, 2).contiguous()
    if "iuv" in outputs or "uv" in outputs:
        result |= _maps(batch, surfaces, solid, seen, keys, size, outputs)
    if "depth" in outputs:
        image = torch.where(keys[:, ::2, ::2] == EMPTY, torch.inf, -depth[:, ::2, ::2] / _SUPERSAMPLE)
        result["depth"] = image
    if "joints" in outputs:
        result["joints"] = _joints(batch, keys, depth, fine)
    return result


def _maps(
    batch: _Batch, surfaces: Surface, solid: Tensor, seen: Tensor, keys: Tensor, size: int, outputs: Sequence[str]
) -> dict[str, Tensor]:
    """Part and surface coordinates of the top left sample of each pixel."""
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
    if "uv" in outputs:
        column, line = (part - 1) % ATLAS_GRID, torch.div(part - 1, ATLAS_GRID, rounding_mode="floor")
        result["uv"] = image(
            torch.stack(((column + u) / ATLAS_GRID, (line + v) / ATLAS_GRID), -1), float("nan"), torch.float32
        )
    return result


def _joints(batch: _Batch, keys: Tensor, depth: Tensor, fine: int) -> Tensor:
    """(N, J, 3): column and row in pixels, and 1 where nothing but the joint's own limb stands before it."""
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
    visible = (front - at[..., 2] < cover).float()
    return torch.stack((at[..., 0] / _SUPERSAMPLE, at[..., 1] / _SUPERSAMPLE, visible), -1)


def _ground_shadow(canvas: Tensor, batch: _Batch) -> Tensor:
    """A soft ellipse on the floor under the figure."""
    count, fine = canvas.shape[:2]
    joints = joints_of(batch.placed, batch.camera)
    middle = joints[:, :, 0].mean(1)[:, None, None]
    wide = (joints[:, :, 0].amax(1) - joints[:, :, 0].amin(1))[:, None, None] * 0.45 + 0.12 * batch.height[
        :, None, None
    ]
    steps = torch.arange(fine, device=canvas.device) + 0.5
    x = (steps[None, None, :] - middle) / wide
    y = (steps[None, :, None] - batch.camera.floor[:, None, None]) / (wide * 0.24)
    amount = 0.2 * (1.25 - x * x - y * y).clamp(0, 0.5) * 2
    return canvas * (1 - amount.unsqueeze(-1))


def render(
    shots: Sequence[Shot],
    size: int,
    device: str | torch.device = "cpu",
    outputs: Sequence[str] = ("rgb",),
    background: Sequence[int] = BACKGROUND,
    shadow: bool = False,
) -> dict[str, Tensor]:
    """Draw shots.

    Args:
        shots: what to draw; any mix of characters, clips and views.
        size: side S of the pictures in pixels, even, at least 16.
        device: where to draw and where the results are.
        outputs: any of OUTPUTS.
        background: flat RGB 0..255.
        shadow: a soft shadow on the floor (never on the background of the masks).

    Returns:
        rgb    uint8 (N, 3, S, S)
        mask   bool (N, S, S), the figure with its outline
        iuv    uint8 (N, 3, S, S): part (0 background, else PARTS[i - 1]), u, v in 0..255
        uv     float (N, 2, S, S) in 0..1: the same as one atlas of ATLAS_GRID^2 cells in the order of PARTS; else NaN
        joints float (N, J, 3): column, row in pixels; 1 visible, 0 hidden
        depth  float (N, S, S): pixels from the plane through the figure's axis, larger is farther; inf outside

    The same shot gives the same bits alone or in any batch, on any number of threads of one machine.
    """
    if size < 16 or size % 2:
        raise CaptureError(f"render: size is {size}; use an even number of pixels, at least 16")
    unknown = [name for name in outputs if name not in OUTPUTS]
    if unknown:
        raise CaptureError(f"render: unknown output {unknown[0]!r}; choose from {', '.join(OUTPUTS)}")
    kind = torch.device(device).type
    at_once = max(1, _CHUNK_PIXELS.get(kind, 2**24) // (size * _SUPERSAMPLE) ** 2)
    with torch.no_grad():
        pieces = [
            _chunk(shots[i : i + at_once], size, str(device), outputs, background, shadow)
            for i in range(0, len(shots), at_once)
        ]
    if not pieces:
        raise CaptureError("render: no shots; give at least one")
    return {name: torch.cat([piece[name] for piece in pieces]) for name in outputs}
