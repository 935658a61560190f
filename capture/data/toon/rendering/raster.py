"""Which solid is visible in each pixel, and its depth: analytic ray intersections over small tiles, and a minimum.

Rays are parallel (perspective is in the solids' affine frames), so along a ray a solid's point is o + t d with o linear
in the pixel's column and row. Discriminants are then quadratic polynomials in (column, row): a handful of operations a
pixel. Each solid is evaluated only in the tiles that its bounding box (and, for limbs, its capsule) touches; one
tile-wise minimum over packed keys (depth, solid) resolves visibility in any order with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.characters.solids import BOX, QUADRIC, ROUND

EMPTY = 2**31 - 1  # key of an empty pixel
SOLID_BITS = 8  # a key is depth << 8 | solid of its frame
_DEPTH_STEPS = 2**22
_CHUNK_PIXELS = {"cpu": 2**17, "cuda": 2**25}  # keeps a chunk's temporaries in cache


@dataclass
class Solids:
    """All solids of a batch in pixels (x right, y down, z towards the viewer)."""

    frame: Tensor  # (P,) which picture
    index: Tensor  # (P,) number within the picture, below 256
    kind: Tensor  # (P,)
    matrix: Tensor  # (P, 3, 3) own frame -> pixels
    inverse: Tensor  # (P, 3, 3)
    centre: Tensor  # (P, 3)
    shape: Tensor  # (P, 5)
    plane: Tensor  # (P, 4)
    zigzag: Tensor  # (P, 2)


def inverse3(m: Tensor) -> Tensor:
    """Inverse of (..., 3, 3) by cofactors: elementwise, so the same bits in any batch."""
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in m.unbind(-2))
    rows = (
        e * i - f * h,
        c * h - b * i,
        b * f - c * e,
        f * g - d * i,
        a * i - c * g,
        c * d - a * f,
        d * h - e * g,
        b * g - a * h,
        a * e - b * d,
    )
    det = a * rows[0] + b * rows[3] + c * rows[6]
    return torch.stack(rows, -1).unflatten(-1, (3, 3)) / det[..., None, None]


def boxes(s: Solids) -> tuple[Tensor, Tensor]:
    """Pixel bounding boxes: low and high corners (P, 2) of the projected solids."""
    m, c, k = s.matrix[:, :2], s.centre[:, :2], s.shape
    rows = exact.sqrt(m[..., 0].square() + m[..., 1].square() + m[..., 2].square())  # (P, 2)
    rings = exact.sqrt(m[..., 0].square() + m[..., 2].square())
    is_round, is_box = (s.kind == ROUND).unsqueeze(1), (s.kind == BOX).unsqueeze(1)
    is_cone = ((s.kind == QUADRIC) & (k[:, 0] != 1)).unsqueeze(1)
    y_axis = m[..., 1]
    first = torch.where(is_round, k[:, 1:2] * rows, rows)
    dual = exact.power(
        exact.power(m[..., 0].abs(), 4 / 3) + exact.power(m[..., 1].abs(), 4 / 3) + exact.power(m[..., 2].abs(), 4 / 3),
        0.75,
    )
    first = torch.where(is_box, dual, first)
    start = exact.sqrt((-k[:, 2:3]).clamp(min=0))
    slope = exact.sqrt((-k[:, 0:1]).clamp(min=0)) * torch.where(k[:, 1:2] <= 0, 1.0, -1.0)
    first = torch.where(is_cone, start * rings, first)
    second = torch.where(is_round, k[:, 2:3] * rows, torch.where(is_cone, (start + slope) * rings, first))
    end = c + torch.where(is_round, k[:, 0:1], torch.where(is_cone, 1.0, 0.0)) * y_axis
    return torch.minimum(c - first, end - second), torch.maximum(c + first, end + second)


def _tiles(s: Solids, size: int, tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """(solid, tile column, tile row) of every pair that may overlap."""
    low, high = boxes(s)
    most = size // tile - 1
    low_t = torch.floor((low - 1) / tile).clamp(0, most).long()
    high_t = torch.floor((high + 1) / tile).clamp(0, most).long()
    wide = high_t - low_t + 1
    count = wide[:, 0] * wide[:, 1]
    solid = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    number = torch.arange(len(solid), device=count.device) - (torch.cumsum(count, 0) - count)[solid]
    column = low_t[solid, 0] + number % wide[solid, 0]
    row = low_t[solid, 1] + torch.div(number, wide[solid, 0], rounding_mode="floor")
    # a slanted limb leaves the corners of its box empty
    a = s.centre[:, :2]
    is_round = s.kind == ROUND
    axis = s.matrix[:, :2, 1] * s.shape[:, 0:1]
    widest = exact.sqrt(s.matrix[:, :2].square().sum(-1)).amax(1) * s.shape[:, 1:3].amax(1)
    q = torch.stack((column + 0.5, row + 0.5), -1) * tile - a[solid]
    b = axis[solid]
    along = ((q * b).sum(-1) / (b * b).sum(-1).clamp(min=1e-6)).clamp(0, 1)
    gap = exact.sqrt((q - along.unsqueeze(-1) * b).square().sum(-1))
    keep = ~is_round[solid] | (gap < widest[solid] + 0.7072 * tile + 1)
    return solid[keep], column[keep], row[keep]


class _Grid:
    """Pixel offsets of a chunk of tiles from their solids' centres, and polynomials over them."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x.unsqueeze(1), y.unsqueeze(2)  # (T, 1, K), (T, K, 1)

    def linear(self, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        """a x + b y + c -> (T, K, K)."""
        row = a[:, None, None] * self.x
        return (row if c is None else row + c[:, None, None]) + b[:, None, None] * self.y

    def quadratic(self, xx: Tensor, xy: Tensor, yy: Tensor, x: Tensor, y: Tensor, one: Tensor) -> Tensor:
        """xx x^2 + xy x y + yy y^2 + x x + y y + one -> (T, K, K)."""
        e = lambda v: v[:, None, None]  # noqa: E731
        rows = (e(xx) * self.x + e(x)) * self.x + e(one)
        columns = (e(yy) * self.y + e(y)) * self.y
        return exact.product_sum(rows + columns, e(xy) * self.y, self.x)


_FAR = float("inf")


def _rounded_cone(g: _Grid, inv: Tensor, shape: Tensor) -> Tensor:
    """Depth along the ray (T, K, K), inf where missed. After Quilez, "rounded cone - intersection"."""
    length, r1, r2 = shape[:, 0], shape[:, 1], shape[:, 2]
    u, v, w = (
        inv[:, :, 0],
        inv[:, :, 1],
        -inv[:, :, 2],
    )  # (T, 3): change of the point per column, per row, along the ray
    norm = exact.sqrt(w[:, 0] * w[:, 0] + w[:, 1] * w[:, 1] + w[:, 2] * w[:, 2])
    w = w / norm.unsqueeze(-1)
    dot = lambda a, b: a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]  # noqa: E731
    uw, vw, uu, uv, vv = dot(u, w), dot(v, w), dot(u, u), dot(u, v), dot(v, v)
    slope = r1 - r2
    d2 = length * length - slope * slope
    m2 = length * w[:, 1]
    k2 = d2 - m2 * m2
    k2 = torch.where(k2.abs() < 1e-9, torch.full_like(k2, 1e-9), k2)
    # k1 = p x + q y + k ; k0 is quadratic; both over the pixel grid
    p1, q1, c1 = d2 * uw - length * m2 * u[:, 1], d2 * vw - length * m2 * v[:, 1], m2 * slope * r1
    l2 = length * length
    lin = 2 * length * slope * r1
    k0 = (
        d2 * uu - l2 * u[:, 1] ** 2,
        2 * (d2 * uv - l2 * u[:, 1] * v[:, 1]),
        d2 * vv - l2 * v[:, 1] ** 2,
        lin * u[:, 1],
        lin * v[:, 1],
        -l2 * r1 * r1,
    )
    disc = g.quadratic(
        p1 * p1 - k2 * k0[0],
        2 * p1 * q1 - k2 * k0[1],
        q1 * q1 - k2 * k0[2],
        2 * p1 * c1 - k2 * k0[3],
        2 * q1 * c1 - k2 * k0[4],
        c1 * c1 - k2 * k0[5],
    )
    e = lambda t: t[:, None, None]  # noqa: E731
    t = (exact.sqrt(disc.clamp(min=0)) + g.linear(p1, q1, c1)) * e(-1 / k2)
    y = exact.product_sum(g.linear(length * u[:, 1], length * v[:, 1], -r1 * slope), t, e(m2))
    inside = (disc >= 0) & (y > 0) & (y < e(d2))
    best = torch.where(inside, t, _FAR)
    for end, radius in ((torch.zeros_like(length), r1), (length, r2)):
        # sphere at (0, end, 0): t^2 + 2 b t + c = 0
        bx, by, b0 = uw, vw, -end * w[:, 1]
        disc = g.quadratic(
            bx * bx - uu,
            2 * (bx * by - uv),
            by * by - vv,
            2 * (bx * b0 + end * u[:, 1]),
            2 * (by * b0 + end * v[:, 1]),
            b0 * b0 - end * end + radius * radius,
        )
        t = -exact.sqrt(disc.clamp(min=0)) - g.linear(bx, by, b0)
        best = torch.where(disc >= 0, torch.minimum(best, t), best)
    return best / e(norm)


def _quadric(g: _Grid, inv: Tensor, shape: Tensor, plane: Tensor, zigzag: Tensor, clipped: bool) -> Tensor:
    qy, ly, c0 = shape[:, 0], shape[:, 1], shape[:, 2]
    u, v, w = inv[:, :, 0], inv[:, :, 1], -inv[:, :, 2]
    dot = lambda a, b: a[:, 0] * b[:, 0] + qy * a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]  # noqa: E731
    e = lambda t: t[:, None, None]  # noqa: E731
    a = dot(w, w)
    a = torch.where(a.abs() < 1e-12, torch.full_like(a, 1e-12), a)
    bx, by, b0 = dot(u, w), dot(v, w), 0.5 * ly * w[:, 1]
    disc = g.quadratic(
        bx * bx - a * dot(u, u),
        2 * (bx * by - a * dot(u, v)),
        by * by - a * dot(v, v),
        2 * bx * b0 - a * ly * u[:, 1],
        2 * by * b0 - a * ly * v[:, 1],
        b0 * b0 - a * c0,
    )
    root = exact.sqrt(disc.clamp(min=0))
    b = g.linear(bx, by, b0)
    hit = disc >= 0
    if not clipped:
        return torch.where(hit, (root + b) * e(-1 / a), _FAR)
    best = torch.full_like(root, _FAR)
    x0, y0, z0 = (g.linear(u[:, i], v[:, i]) for i in range(3))
    for sign in (1.0, -1.0):
        t = (sign * root + b) * e(-1 / a)
        x, y, z = (exact.product_sum(o, t, e(w[:, i])) for i, o in enumerate((x0, y0, z0)))
        edge = e(plane[:, 3]) - e(zigzag[:, 0]) * zig(x, e(zigzag[:, 1]))
        kept = e(plane[:, 0]) * x + e(plane[:, 1]) * y + e(plane[:, 2]) * z <= edge
        valid = hit & kept & (y >= e(shape[:, 3])) & (y <= e(shape[:, 4]))
        best = torch.where(valid, torch.minimum(best, t), best)
    return best


def zig(x: Tensor, frequency: Tensor) -> Tensor:
    """Triangle wave in 0..1."""
    p = x * frequency
    return (p - torch.floor(p) - 0.5).abs() * 2


def _soft_box(g: _Grid, inv: Tensor) -> Tensor:
    """|x|^4 + |y|^4 + |z|^4 = 1: Newton from outside on a convex quartic never steps past the first root."""
    u, v, w = inv[:, :, 0], inv[:, :, 1], -inv[:, :, 2]
    norm = exact.sqrt(w[:, 0] * w[:, 0] + w[:, 1] * w[:, 1] + w[:, 2] * w[:, 2])
    w = w / norm.unsqueeze(-1)
    e = lambda t: t[:, None, None]  # noqa: E731
    # start from the point of the ray nearest to the centre: keeps the numbers small
    shift = g.linear(*(-(k[:, 0] * w[:, 0] + k[:, 1] * w[:, 1] + k[:, 2] * w[:, 2]) for k in (u, v)))
    coefficients: tuple[Any, ...] = (-1.0, 0.0, 0.0, 0.0, 0.0)  # numbers now, tensors after the first axis
    a0, a1, a2, a3, a4 = coefficients
    for i in range(3):
        o = exact.product_sum(g.linear(u[:, i], v[:, i]), shift, e(w[:, i]))
        d = e(w[:, i])
        o2 = o * o
        a0, a1, a2 = a0 + o2 * o2, a1 + o2 * o * (4 * d), a2 + o2 * (6 * d * d)
        a3, a4 = a3 + o * (4 * d * d * d), a4 + d * d * d * d
    t = torch.full_like(a0, -1.7)
    for _ in range(12):
        f = (((a4 * t + a3) * t + a2) * t + a1) * t + a0
        slope = ((4 * a4 * t + 3 * a3) * t + 2 * a2) * t + a1
        t = t - f / slope.clamp(max=-1e-4)
    f = (((a4 * t + a3) * t + a2) * t + a1) * t + a0
    return torch.where((f.abs() < 2e-2) & (t < 1.7), (t + shift) / e(norm), _FAR)


def visibility(s: Solids, frames: int, size: int) -> Tensor:
    """Keys (frames, size, size) int32: depth << 8 | solid, EMPTY for empty pixels. `depth_of` undoes the packing."""
    tile = 16 if size % 16 == 0 else 8 if size % 8 == 0 else 4 if size % 4 == 0 else 2
    per_row = size // tile
    device = s.centre.device
    keys = torch.full((frames * per_row * per_row, tile * tile), EMPTY, dtype=torch.int32, device=device)
    solid, column, row = _tiles(s, size, tile)
    closed = (s.kind == QUADRIC) & (s.shape[:, 0] == 1) & (s.shape[:, 3] <= -1) & (s.plane[:, 3] > 2)
    sort = torch.where(closed, torch.full_like(s.kind, 3), s.kind)[solid]
    step = torch.arange(tile, device=device) + 0.5
    chunk = max(_CHUNK_PIXELS[device.type] // (tile * tile), 1)
    for kind in (ROUND, QUADRIC, BOX, 3):
        chosen = (sort == kind).nonzero().squeeze(1)
        for part in chosen.split(chunk):
            if not len(part):
                continue
            p, c, r = solid[part], column[part], row[part]  # solids, and their tiles
            centre, inv = s.centre[p], s.inverse[p]
            g = _Grid((c * tile).unsqueeze(1) + step - centre[:, 0:1], (r * tile).unsqueeze(1) + step - centre[:, 1:2])
            if kind == ROUND:
                t = _rounded_cone(g, inv, s.shape[p])
            elif kind == BOX:
                t = _soft_box(g, inv)
            else:
                t = _quadric(g, inv, s.shape[p], s.plane[p], s.zigzag[p], kind == QUADRIC)
            key = _pack(t, centre[:, 2], s.index[p], size)
            where = (s.frame[p] * per_row + r) * per_row + c
            keys.scatter_reduce_(0, where.unsqueeze(1).expand(-1, tile * tile), key.reshape(len(part), -1), "amin")
    return keys.reshape(frames, per_row, per_row, tile, tile).transpose(2, 3).reshape(frames, size, size)


def _pack(t: Tensor, z: Tensor, index: Tensor, size: int) -> Tensor:
    """Rays start at z = size and end at z = -size: quantised distance, then the solid's number."""
    scale = _DEPTH_STEPS / (2.0 * size)
    distance = ((t + (size - z)[:, None, None]) * scale).clamp(0, 2 * _DEPTH_STEPS)
    key = (distance.to(torch.int32) << SOLID_BITS) | index.to(torch.int32)[:, None, None]
    return torch.where(torch.isfinite(t), key, EMPTY)


def depth_of(keys: Tensor, size: int) -> Tensor:
    """z towards the viewer, in pixels, of packed keys."""
    return size - ((keys >> SOLID_BITS).float() + 0.5) * (2.0 * size / _DEPTH_STEPS)
