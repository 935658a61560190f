"""`render`: from shots to pictures and their ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.data.toon.characters.solids import CODES, MATERIAL
from capture.data.toon.rendering.camera import Shot, joints_of
from capture.data.toon.rendering.ground_truth import surface_maps, visible_joints
from capture.data.toon.rendering.outlines import grown, inner_lines
from capture.data.toon.rendering.raster import EMPTY
from capture.data.toon.rendering.scene import SUPERSAMPLE, Scene, SolidBatch, make_scene
from capture.data.toon.rendering.surface import Surface
from capture.data.toon.rendering.texture import fabric, face, muzzle
from capture.data.toon.skeleton import dot3, unit3

OUTPUTS = ("rgb", "mask", "alpha", "ground", "iuv", "iuv_faces", "uv", "joints", "depth")
BACKGROUND = (235, 235, 235)
LIGHT = (-0.46, -0.62, 0.64)  # from the upper left, in front; x right, y down, z towards the viewer
_SHADE = (0.74, 0.69, 0.79)  # the second tone: darker, cooler
_CHUNK_PIXELS = {"cpu": 2**21, "cuda": 2**26}


def _light(colour: Tensor, normal: Tensor, gloss: Tensor, edge: Tensor) -> Tensor:
    """Two tones, and a third where the surface shines."""
    light = unit3(torch.tensor(LIGHT, device=colour.device))
    facing = dot3(normal, light.expand_as(normal))
    shade = torch.tensor(_SHADE, device=colour.device)
    colour = torch.where((facing < edge).unsqueeze(-1), colour * shade, colour)
    half = unit3(light + torch.tensor((0.0, 0.0, 0.35), device=colour.device))
    spot = (gloss == 1) & (dot3(normal, half.expand_as(normal)) > 0.965)
    ring = (gloss == 2) & (normal[:, 1] < -0.5) & (normal[:, 1] > -0.68) & (facing > 0.5)
    colour = torch.where(spot.unsqueeze(-1), colour + (1 - colour) * 0.55, colour)
    return torch.where(ring.unsqueeze(-1), colour + (1 - colour) * 0.24, colour)


class Albedo(NamedTuple):
    """What is painted on the seen samples, without light.

    Attributes:
        colour: (F, 3).
        fabric: (F, 3), the same before faces were painted over it.
        gloss: (F,), the kind of shine.
        face: (F,), the kind of face; 0 where there is none.
    """

    colour: Tensor
    fabric: Tensor
    gloss: Tensor
    face: Tensor


def albedo(scene: Scene) -> Albedo:
    """Fabrics and faces of a scene."""
    batch, surfaces, solid = scene.batch, scene.surfaces, scene.solid
    rows = batch.materials.index_select(0, batch.material.index_select(0, solid))
    colour = plain = fabric(rows, surfaces)
    face_kind = batch.codes[:, CODES["face"]].index_select(0, solid)
    for kinds, texture in (((1,), face), ((2, 3), muzzle)):
        some = torch.zeros_like(face_kind, dtype=torch.bool)
        for kind in kinds:
            some |= face_kind == kind
        some = some.nonzero().squeeze(1)
        if len(some):
            part = Surface(*(value.index_select(0, some) for value in vars(surfaces).values()))
            faces = batch.faces[batch.solids.frame[solid[some]]]
            extra = () if texture is face else (face_kind[some],)
            colour = colour.index_copy(0, some, texture(faces, colour.index_select(0, some), part, *extra))
    return Albedo(colour, plain, rows[:, MATERIAL["gloss"]], face_kind)


def inner_ink(scene: Scene) -> Tensor:
    """Where lines inside the figures are drawn, (count, side, side) bool."""
    group = scene.image(scene.batch.codes[:, CODES["group"]].to(torch.int32).index_select(0, scene.solid), 0)
    lines = inner_lines(scene.number, group, scene.depth, scene.batch.height, scene.side >= 256)
    return grown(lines, scene.side // 512) & (scene.number >= 0) if scene.side >= 512 else lines


def pooled(canvas: Tensor) -> Tensor:
    """Samples (N, 2 S, 2 S, C) -> pixels (N, S, S, C), each the mean of its four samples."""
    count, fine, _, channels = canvas.shape
    size = fine // 2
    four = canvas.reshape(count, size, 2, size, 2, channels)
    return (four[:, :, 0, :, 0] + four[:, :, 0, :, 1] + four[:, :, 1, :, 0] + four[:, :, 1, :, 1]) * 0.25


def outline_width(fine: int) -> int:
    """Samples by which the outline reaches out of the figure."""
    return max(1, round(fine / 170))


def _chunk(
    shots: Sequence[Shot], size: int, device: str, outputs: Sequence[str], background: Sequence[int], shadow: bool
) -> dict[str, Tensor]:
    return draw_plainly(make_scene(shots, size, device), outputs, background, shadow)


def draw_plainly(
    scene: Scene, outputs: Sequence[str], background: Sequence[int] = BACKGROUND, shadow: bool = False
) -> dict[str, Tensor]:
    """The outputs of `render` of a scene."""
    size = scene.side // SUPERSAMPLE
    result: dict[str, Tensor] = {}
    if {"rgb", "mask", "alpha"} & set(outputs):
        body = scene.number >= 0
        rim = grown(body, outline_width(scene.side))
        if "mask" in outputs:
            result["mask"] = rim.reshape(scene.count, size, 2, size, 2).sum((2, 4)) >= 2
        if "alpha" in outputs:
            covered = rim.reshape(scene.count, 1, size, 2, size, 2).sum((3, 5))  # samples of each pixel, 0 to 4
            result["alpha"] = (covered * 63.75 + 0.5).to(torch.uint8)
    if "ground" in outputs:
        colour = torch.tensor(background, dtype=torch.uint8, device=scene.keys.device)[:, None, None]
        result["ground"] = colour.expand(scene.count, 3, size, size).contiguous()
    if "rgb" in outputs:
        result["rgb"] = _coloured(scene, body, rim, background, shadow)
    return result | ground_truth(scene, outputs)


def ground_truth(scene: Scene, outputs: Sequence[str]) -> dict[str, Tensor]:
    """Those of iuv, iuv_faces, uv, depth and joints that are asked for."""
    result: dict[str, Tensor] = {}
    if {"iuv", "iuv_faces", "uv"} & set(outputs):
        result |= surface_maps(scene, outputs)
    if "depth" in outputs:
        empty = scene.keys[:, ::2, ::2] == EMPTY
        result["depth"] = torch.where(empty, torch.inf, -scene.depth[:, ::2, ::2] / SUPERSAMPLE)
    if "joints" in outputs:
        result["joints"] = visible_joints(scene)
    return result


def _coloured(scene: Scene, body: Tensor, rim: Tensor, background: Sequence[int], shadow: bool) -> Tensor:
    """Pictures uint8 (count, 3, S, S): fabrics and faces, light, ink and the ground."""
    batch, count, fine, device = scene.batch, scene.count, scene.side, scene.keys.device
    painted = albedo(scene)
    edge = torch.where(painted.face > 0, -0.12, 0.12)  # faces stay open, or eyes would drown in shade
    colour = _light(painted.colour, scene.surfaces.normal, painted.gloss, edge)
    inked = inner_ink(scene).reshape(-1)[scene.seen]
    drawn = inked.nonzero().squeeze(1)
    outline = batch.outline.index_select(0, scene.frame.index_select(0, drawn))
    colour = colour.index_copy(0, drawn, colour.index_select(0, drawn) * 0.22 + outline * 0.55)
    canvas = torch.tensor(background, dtype=torch.float32, device=device).div(255).repeat(count * fine * fine, 1)
    canvas = canvas.reshape(count, fine, fine, 3)
    if shadow:
        canvas = _ground_shadow(canvas, batch)
    canvas = torch.where((rim & ~body).unsqueeze(-1), batch.outline[:, None, None, :], canvas)
    canvas.view(-1, 3).index_copy_(0, scene.seen, colour)
    return (pooled(canvas).clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 3, 1, 2).contiguous()


def _ground_shadow(canvas: Tensor, batch: SolidBatch) -> Tensor:
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
        iuv_faces  the same, with the FACE_PARTS as parts of their own
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
    at_once = max(1, _CHUNK_PIXELS.get(kind, 2**24) // (size * SUPERSAMPLE) ** 2)
    with torch.no_grad():
        pieces = [
            _chunk(shots[i : i + at_once], size, str(device), outputs, background, shadow)
            for i in range(0, len(shots), at_once)
        ]
    if not pieces:
        raise CaptureError("render: no shots; give at least one")
    return {name: torch.cat([piece[name] for piece in pieces]) for name in outputs}
