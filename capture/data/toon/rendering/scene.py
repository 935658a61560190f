"""The geometry of some shots: which solid every sample of the pictures shows, and where on its surface."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from capture.data.toon.characters.character import make_character
from capture.data.toon.characters.solids import CODES, GEOMETRY, Character
from capture.data.toon.motion.motions import posture
from capture.data.toon.rendering.camera import Camera, Placed, Shot, frame_shots, place_on_ground
from capture.data.toon.rendering.raster import EMPTY, SOLID_BITS, Solids, depth_of, inverse3, visibility
from capture.data.toon.rendering.surface import Surface, surface
from capture.data.toon.skeleton import matmul3

SUPERSAMPLE = 2  # samples along a side of a pixel


class SolidBatch:
    """The solids of some shots, flattened: solid p belongs to picture frame[p]."""

    def __init__(self, shots: Sequence[Shot], characters: Sequence[Character], size: int, device: str) -> None:
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


@dataclass
class Scene:
    """Shots at SUPERSAMPLE times the size of their pictures. F is the number of samples that show a figure.

    Attributes:
        batch: the solids of the shots.
        count, side: number of pictures, and samples to a side of each.
        keys: (count, side, side) packed depth and solid, as `visibility` makes them.
        seen: (F,) the flat positions in `keys` of the samples that show a figure.
        frame, solid: (F,) picture, and row in the tables of `batch`, of each such sample.
        surfaces: the points of the surface.
        number: (count, side, side) int32, the solid within its picture; -1 on the background.
        depth: (count, side, side) towards the viewer; 0 on the background.
    """

    batch: SolidBatch
    count: int
    side: int
    keys: Tensor
    seen: Tensor
    frame: Tensor
    solid: Tensor
    surfaces: Surface
    number: Tensor
    depth: Tensor

    def image(self, values: Tensor, empty: float) -> Tensor:
        """Values (F,) of the seen samples as pictures (count, side, side) of the same type."""
        full = torch.full((self.keys.numel(),), empty, dtype=values.dtype, device=values.device)
        return full.index_copy_(0, self.seen, values).reshape(self.keys.shape)


def make_scene(shots: Sequence[Shot], size: int, device: str, characters: Sequence[Character] | None = None) -> Scene:
    """Geometry of shots for pictures of `size` pixels.

    Args:
        characters: who is drawn, if not the characters of the shots' seeds.
    """
    fine = size * SUPERSAMPLE
    characters = characters or [make_character(shot.character_seed) for shot in shots]
    batch = SolidBatch(shots, characters, fine, device)
    keys = visibility(batch.solids, len(shots), fine)
    flat = keys.reshape(-1)
    seen = (flat != EMPTY).nonzero().squeeze(1)
    key = flat[seen]
    frame = torch.div(seen, fine * fine, rounding_mode="floor")
    number = key & (2**SOLID_BITS - 1)
    solid = batch.start[frame] + number.long()
    z = depth_of(key, fine)
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
    numbers = torch.full_like(flat, -1).index_copy_(0, seen, number).reshape(keys.shape)
    depth = torch.full_like(flat, 0, dtype=torch.float32).index_copy_(0, seen, z).reshape(keys.shape)
    return Scene(batch, len(shots), fine, keys, seen, frame, solid, surfaces, numbers, depth)
