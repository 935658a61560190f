"""Colour from surface coordinates: fabrics, trims, emblems, and faces. Light and pose have no part in it."""

from __future__ import annotations

import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.characters.solids import EMBLEMS, FACE, MATERIAL, PATTERNS
from capture.data.toon.rendering.surface import Surface


def _frac(x: Tensor) -> Tensor:
    return x - torch.floor(x)


def _pattern(kind: Tensor, a: Tensor, b: Tensor, v: Tensor) -> Tensor:
    """Amount of the second colour, (F,) in 0..1, at a = u fu, b = v fv."""
    fa, fb = _frac(a), _frac(b)
    odd = (torch.floor(a) + torch.floor(b)) % 2
    da, db = _frac(a + 0.5 * (torch.floor(b) % 2)) - 0.5, fb - 0.5
    chosen = torch.zeros_like(a)
    for name, value in (
        ("rings", fb < 0.42),
        ("pinstripes", (fa - 0.5).abs() < 0.17),
        ("dots", da * da + db * db < 0.08),
        ("checks", odd > 0.5),
        ("zigzag", _frac(b + 0.7 * (fa - 0.5).abs()) < 0.45),
        ("halves", v < 0.5),
        ("plaid", (fa < 0.3) | (fb < 0.3)),
        ("diamonds", (fa - 0.5).abs() + (fb - 0.5).abs() < 0.3),
    ):
        chosen = torch.where(kind == PATTERNS[name], value.float(), chosen)
    crossing = (kind == PATTERNS["plaid"]) & ~((fa < 0.3) & (fb < 0.3))
    return torch.where(crossing, chosen * 0.55, chosen)


def _emblem(kind: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """True on an emblem of unit size centred at 0."""
    ax, r2 = x.abs(), x * x + y * y
    angle = exact.atan2(x, y)
    fold = (_frac(angle * (5 / (2 * torch.pi)) + 0.5) - 0.5).abs() * (2 * torch.pi / 5)
    star = exact.sqrt(r2) * (exact.cos(fold) + 1.05 * exact.sin(fold)) < 0.9
    hy = y + 0.12 - 0.75 * exact.sqrt(ax + 1e-6)
    shapes = {
        "disc": r2 < 0.72,
        "star": star,
        "heart": x * x * 1.1 + hy * hy * 1.15 < 0.62,
        "diamond": ax * 1.25 + y.abs() < 0.95,
        "cross": (torch.minimum(ax, y.abs()) < 0.28) & (torch.maximum(ax, y.abs()) < 0.85),
        "bolt": (((x + 0.12 - 0.5 * y).abs() < 0.27) & (y > -0.05) & (y < 0.95))
        | (((x - 0.12 - 0.5 * y).abs() < 0.27) & (y < 0.12) & (y > -0.95)),
        "panel": ((ax < 0.95) & (y.abs() < 0.7))
        & ~((ax < 0.72) & (y.abs() < 0.46) & ((_frac(x * 2.2) < 0.55) & (y > 0))),
        "belly": x * x + y * y * 0.7 < 1.0,
    }
    result = torch.zeros_like(ax, dtype=torch.bool)
    for name, value in shapes.items():
        result |= (kind == EMBLEMS[name]) & value
    return result


def fabric(row: Tensor, s: Surface) -> Tensor:
    """Colours (F, 3) of surfaces whose material rows are (F, MATERIAL_SIZE)."""

    def get(name: str) -> Tensor:
        return row[:, MATERIAL[name]]

    colour = get("base")
    kind = get("pattern")
    some = (kind > 0).nonzero().squeeze(1)
    if len(some):
        r = row.index_select(0, some)
        amount = _pattern(
            kind[some], s.u[some] * r[:, MATERIAL["fu"]], s.v[some] * r[:, MATERIAL["fv"]], s.v[some]
        ).unsqueeze(-1)
        colour = colour.index_copy(0, some, colour[some] + (r[:, MATERIAL["alt"]] - colour[some]) * amount)
    band = (get("low_v") > -1) | (get("high_v") < 2) | (get("strip_w") > 0) | (get("emblem") > 0)
    some = band.nonzero().squeeze(1)
    if len(some):
        r, v, fx, ahead = row.index_select(0, some), s.v[some], s.fx[some], s.ahead[some]
        c = colour[some]
        c = torch.where((v < r[:, MATERIAL["low_v"]]).unsqueeze(-1), r[:, MATERIAL["low"]], c)
        c = torch.where((v > r[:, MATERIAL["high_v"]]).unsqueeze(-1), r[:, MATERIAL["high"]], c)
        taper = r[:, MATERIAL["strip_taper"]]
        above = v - r[:, MATERIAL["strip_v"]]
        width = r[:, MATERIAL["strip_w"]] * torch.where(taper > 0, above * 4 * taper, torch.ones_like(v))
        c = torch.where((ahead & (above > 0) & (fx.abs() < width)).unsqueeze(-1), r[:, MATERIAL["strip"]], c)
        size = r[:, MATERIAL["emblem_size"]].clamp(min=1e-3)
        on = ahead & _emblem(r[:, MATERIAL["emblem"]], fx / size, (v - r[:, MATERIAL["emblem_y"]]) * 2 / size)
        c = torch.where(on.unsqueeze(-1), r[:, MATERIAL["emblem_rgb"]], c)
        colour = colour.index_copy(0, some, c)
    return torch.where(s.inside.unsqueeze(-1), get("inner"), colour)


class _Layers:
    """Layers colours over a base colour, in order."""

    def __init__(self, colour: Tensor) -> None:
        self.colour = colour

    def put(self, mask: Tensor, rgb: Tensor, amount: float = 1.0) -> None:
        rgb = rgb if amount == 1.0 else self.colour + (rgb - self.colour) * amount
        self.colour = torch.where(mask.unsqueeze(-1), rgb, self.colour)


def _arc(x: Tensor, y: Tensor, half: Tensor, curve: Tensor, thick: Tensor | float) -> Tensor:
    """A smiling stroke: the parabola y = curve ((x / half)^2 - 0.5)."""
    a = x / half
    return (a.abs() < 1) & ((y - curve * (a * a - 0.5)).abs() < thick)


def _eyes(c: _Layers, g: dict[str, Tensor], x: Tensor, y: Tensor) -> None:
    ex, ey, ew, eh, style = g["ex"], g["ey"], g["ew"], g["eh"], g["eye"]
    side = torch.sign(x)
    dx, dy = (x.abs() - ex) / ew, (y - ey) / eh
    r2 = dx * dx + dy * dy
    lit = torch.full_like(g["outline"], 0.99)

    dot = style == 0
    c.put(dot & (r2 < 1), g["outline"])
    c.put(dot & ((dx + side * 0.3).square() * 1.4 + (dy - 0.42).square() * 2 < 0.16), lit)

    wide = (style == 1) | (style == 2) | (style == 3)
    white = wide & (r2 < 1)
    c.put(wide & (r2 < 1.32), g["outline"])
    c.put(white, g["white"])
    iris = g["pupil"].clamp(max=0.9)
    anime = style == 1
    across = torch.where(anime, 0.74 + 0.1 * iris, 0.42 + 0.35 * iris) * torch.where(
        anime, torch.ones_like(ew), torch.minimum(ew, eh) / ew
    )
    down = torch.where(anime, torch.full_like(ew, 0.84), torch.minimum(ew, eh) / eh * (0.42 + 0.35 * iris))
    ir = (dx / across).square() + ((dy + 0.08) / down).square()
    c.put(white & (ir < 1), torch.where((anime & (dy > 0.05)).unsqueeze(-1), g["iris"] * 0.62, g["iris"]))
    c.put(white & (ir < torch.where(anime, 0.34, 0.45)), g["outline"])
    c.put(white & ((dx + side * 0.34).square() + (dy - 0.42).square() * 1.6 < 0.13), lit)
    c.put(white & anime & ((dx - side * 0.34).square() + (dy + 0.46).square() * 1.6 < 0.05), lit)
    droop = (style == 3) & (r2 < 1.32) & (dy > 0.62 - g["lid"] * 1.6)
    c.put(droop, g["skin"] * 0.93)
    c.put((style == 3) & (r2 < 1.4) & ((dy - 0.62 + g["lid"] * 1.6).abs() < 0.16), g["outline"])
    lash = wide & (style != 3) & (r2 > 0.86) & (r2 < 1.75) & (dy > 0.25)
    c.put(lash & ((g["lash"] > 0) | (r2 < 1.45)), g["outline"])
    tip = ((dx - 1.15).abs() < 0.3) & ((dy - 0.55 - 0.5 * (dx - 1.15)).abs() < 0.16)
    c.put(wide & (g["lash"] > 0) & tip, g["outline"])

    c.put((style == 4) & _arc(dx, -dy, torch.ones_like(dx), torch.full_like(dx, 1.3), 0.32), g["outline"])

    visor = style == 5
    inner_r = (exact.fourth(x / (ex + ew * 1.6)) + exact.fourth(dy * 0.7)) < 1
    c.put(visor & ((exact.fourth(x / (ex + ew * 1.9)) + exact.fourth(dy * 0.56)) < 1), g["outline"])
    c.put(visor & inner_r, g["outline"] * 0.5 + 0.08)
    c.put(visor & (dx * dx * 1.5 + dy * dy * 1.2 < 0.55), g["iris"])
    led = style == 6
    c.put(led & (torch.maximum(dx.abs(), dy.abs()) < 1.22), g["outline"])
    c.put(led & (torch.maximum(dx.abs(), dy.abs()) < 0.86), g["iris"])
    mono = style == 7
    r1 = (x / (ew * 1.9)).square() + ((y - ey) / (ew * 1.9)).square()
    c.put(mono & (r1 < 1.35), g["outline"])
    c.put(mono & (r1 < 0.95), g["white"])
    c.put(mono & (r1 < 0.5), g["iris"])
    c.put(mono & (r1 < 0.17), g["outline"])


def _glasses(c: _Layers, g: dict[str, Tensor], x: Tensor, y: Tensor) -> None:
    style, ex, ey = g["glasses"], g["ex"], g["ey"]
    w, h = g["ew"] * 0.5 + 0.17, g["eh"] * 0.35 + 0.2
    dx, dy = (x.abs() - ex) / w, (y - ey) / h
    ring = dx * dx + dy * dy
    square = torch.maximum(dx.abs(), dy.abs())
    bridge = (x.abs() < ex - 0.5 * w) & ((y - ey - 0.04).abs() < 0.045)
    temple = (x.abs() > ex + w * 0.9) & ((y - ey - 0.05).abs() < 0.045)
    c.put((style == 1) & (((ring > 0.72) & (ring < 1.3)) | (bridge & (ring > 1)) | temple), g["glasses_rgb"])
    c.put((style == 2) & (((square > 0.84) & (square < 1.1)) | (bridge & (square > 1)) | temple), g["glasses_rgb"])
    shades = (style == 3) | (style == 4)
    c.put(
        shades
        & ((dx * dx + exact.fourth(dy * torch.where(dy > 0, 1.1, 0.95)) < 1.2) | (bridge & (square > 0.9)) | temple),
        g["glasses_rgb"],
    )
    c.put(shades & ((dx + dy - 0.3).abs() < 0.16) & (ring < 0.7), g["glasses_rgb"] + (1 - g["glasses_rgb"]) * 0.5)
    patch = (style == 5) & (x > 0)
    c.put((style == 5) & ((y - ey - 0.42 * (x - ex)).abs() < 0.045), g["glasses_rgb"])
    c.put(patch & (ring < 1.15), g["glasses_rgb"])
    c.put((style == 6) & (y < ey - g["eh"] * 1.15), g["glasses_rgb"])  # a cloth over nose and mouth


def _mouth(c: _Layers, g: dict[str, Tensor], x: Tensor, y: Tensor, style: Tensor) -> None:
    my, mw, curve = g["my"], g["mw"], g["curve"]
    dy = y - my
    line = torch.full_like(x, 0.042)
    c.put((style == 1) & _arc(x, dy, mw, curve, line), g["outline"])
    half = (x / mw).square()
    inner, outer = (exact.sqrt((limit - half).clamp(min=0)) for limit in (1, 1.25))
    opened = (style == 2) & (half < 1) & (dy < 0.06) & (dy > 0.06 - 2.1 * curve * inner)
    c.put(
        (style == 2) & (half < 1.25) & (dy < 0.1) & (dy > 0.02 - 2.1 * curve * outer),
        g["outline"],
    )
    c.put(opened, g["mouth_rgb"])
    tongue = torch.tensor((0.92, 0.45, 0.46), device=x.device).expand_as(g["outline"])
    c.put(opened & (dy < 0.02 - 1.15 * curve), tongue)
    c.put((style == 3) & (x.abs() < mw * 0.7) & (dy.abs() < line), g["outline"])
    small = (x / (mw * 0.42)).square() + (dy / 0.11).square()
    c.put((style == 4) & (small < 1.3), g["outline"])
    c.put((style == 4) & (small < 0.7), g["mouth_rgb"])
    grin = exact.fourth(x / (mw * 1.1)) + exact.fourth(dy / 0.13)
    c.put((style == 5) & (grin < 1.6), g["outline"])
    c.put((style == 5) & (grin < 0.75) & ((_frac(x / mw * 1.6 + 0.5) - 0.5).abs() < 0.43), g["white"])
    c.put((style == 6) & _arc(x.abs() - mw * 0.5, dy, mw * 0.5, curve * 1.2, line), g["outline"])


def face(row: Tensor, colour: Tensor, s: Surface) -> Tensor:
    """Draw the features of a face over `colour` (F, 3), for head surfaces with face rows (F, FACE_SIZE)."""
    g = {name: row[:, where] for name, where in FACE.items()} | {"skin": colour}
    c = _Layers(colour)
    x, y = s.fx, s.fy
    front = s.ahead

    patch = g["patch"]
    eye_r = ((x.abs() - g["ex"] - 0.04) / (g["ew"] * 1.5 + 0.06)).square() + (
        (y - g["ey"] + 0.02 + 0.25 * (x.abs() - g["ex"])) / (g["eh"] * 1.5 + 0.06)
    ).square()
    c.put(front & (patch == 1) & (eye_r < 1), g["patch_rgb"])
    c.put(front & (patch == 2) & (y < 0.12 - 0.75 * (0.42 - x.abs()).clamp(min=0)), g["patch_rgb"])
    c.put(front & (patch == 3) & (x > 0.02) & (eye_r < 1.25), g["patch_rgb"])
    c.put((patch == 4) & (y > 0.45) & (_frac(x * 2.6 + 0.25) < 0.34) & (x.abs() < 0.8), g["patch_rgb"])
    c.put((patch == 4) & (x.abs() > 0.72) & (_frac(y * 3.2) < 0.4) & (y < 0.3), g["patch_rgb"])
    jaw = y < -0.28 - 0.1 * (x.abs() < 0.35) + 0.55 * (x.abs() - 0.45).clamp(min=0)
    c.put(front & (g["beard"] == 1) & jaw, g["beard_rgb"])
    c.put(front & (g["beard"] == 2) & (y < -0.6) & (x.abs() < 0.36), g["beard_rgb"])
    bx, by = (x.abs() - g["ex"] - 0.13) / 0.17, (y - g["ey"] + g["eh"] + 0.13) / 0.1
    c.put(front & (g["blush"] > 0) & (bx * bx + by * by < 1), g["blush_rgb"])
    spots = (_frac(x * 7) - 0.5).square() + (_frac(y * 7 + 0.5 * (torch.floor(x * 7) % 2)) - 0.5).square() < 0.05
    c.put(front & (g["freckles"] > 0) & (bx.abs() < 1.2) & (by.abs() < 1.3) & spots, g["skin"] * 0.72)
    c.put(front & (g["nose"] > 0) & ((x / 0.1).square() + ((y + 0.24) / 0.045).square() < 1), g["skin"] * 0.68)

    seen = front.nonzero().squeeze(1)  # the features need many operations, so only the front is processed
    drawn = _Layers(c.colour.index_select(0, seen))
    g = {name: value.index_select(0, seen) for name, value in g.items()}
    x, y = x[seen], y[seen]
    _eyes(drawn, g, x, y)
    tilt = g["brow_tilt"]
    across = (x.abs() - g["ex"]) / (g["ew"] * 1.25)
    height = y - g["ey"] - g["brow_y"] - tilt * (across * 0.14) + 0.05 * across * across
    drawn.put((across.abs() < 1) & (height.abs() < g["brow_w"]), g["brow"])
    _mouth(drawn, g, x, y, g["mouth"])
    if (g["glasses"] > 0).any():
        _glasses(drawn, g, x, y)
    return c.colour.index_copy(0, seen, drawn.colour)


def muzzle(row: Tensor, colour: Tensor, s: Surface, kind: Tensor) -> Tensor:
    """The mouth on a snout (kind 2), or a pig's nostrils (kind 3)."""
    g = {name: row[:, where] for name, where in FACE.items()}
    c = _Layers(colour)
    x, y = s.fx, s.fy
    split = (kind == 2) & s.ahead
    lips = _arc(x.abs() - 0.34, y + 0.05, torch.full_like(x, 0.34), torch.full_like(x, 0.42), 0.11)
    c.put(split & lips, g["outline"])
    c.put(split & (x.abs() < 0.06) & (y > 0.1), g["outline"])
    c.put((kind == 3) & (s.v > 0.8) & ((x.abs() - 0.36).abs() < 0.17), g["outline"])
    return c.colour
