"""Where faces show their eyes and their mouth, as parts of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.characters.solids import CODES, FACE
from capture.data.toon.rendering.scene import Scene
from capture.io.iuv import FACE_PARTS, PARTS

EYES, MOUTH = (len(PARTS) + 1 + FACE_PARTS.index(name) for name in ("eyes", "mouth"))
_FACE, _SNOUT = 1, 2  # kinds of solids that faces and mouths are painted on
_RIM = 1.5  # how far an eye reaches with its outline, as the square of its radius
_CLOTH = 6  # among glasses: a cloth over nose and mouth


def with_face_parts(scene: Scene, part: Tensor) -> Tensor:
    """The parts (F,) of a scene's seen samples, with EYES and MOUTH where faces have them."""
    solid, surfaces = scene.solid, scene.surfaces
    kind = scene.batch.codes[:, CODES["face"]].index_select(0, solid)
    rows = scene.batch.faces[scene.batch.solids.frame[solid]]
    g = {name: rows[:, FACE[name]] for name in ("ex", "ey", "ew", "eh", "eye", "mouth", "my", "mw", "curve", "glasses")}
    x, y = surfaces.fx, surfaces.fy
    face, snout = surfaces.ahead & (kind == _FACE), surfaces.ahead & (kind == _SNOUT)
    mouth = (face & _mouth(g, x, y)) | (snout & (x.abs() < 0.72) & ((y + 0.05).abs() < 0.32))
    part = torch.where(mouth, torch.full_like(part, MOUTH), part)
    return torch.where(face & _eyes(g, x, y), torch.full_like(part, EYES), part)


def _eyes(g: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """By the kinds of eyes of capture.data.toon.rendering.texture, with their outlines."""
    style, dx, dy = g["eye"], (x.abs() - g["ex"]) / g["ew"], (y - g["ey"]) / g["eh"]
    visor = exact.fourth(x / (g["ex"] + g["ew"] * 1.9)) + exact.fourth(dy * 0.56) < 1
    square = torch.maximum(dx.abs(), dy.abs()) < 1.22
    single = (x / (g["ew"] * 1.9)).square() + ((y - g["ey"]) / (g["ew"] * 1.9)).square() < 1.35
    pair = dx * dx + dy * dy < _RIM
    return ((style <= 4) & pair) | ((style == 5) & visor) | ((style == 6) & square) | ((style == 7) & single)


def _mouth(g: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """A box around what is drawn; none where the face has no mouth, or a cloth before it."""
    dy, opened = y - g["my"], g["mouth"] == 2
    half = g["mw"] * torch.where(g["mouth"] == 4, 0.6, 1.15)
    low = torch.where(opened, -0.05 - 2.2 * g["curve"], -0.15)
    drawn = (g["mouth"] > 0) & (g["glasses"] != _CLOTH)
    return drawn & (x.abs() < half) & (dy > low) & (dy < 0.15)
