"""What a character is made of: rounded solids fixed to joints, each of a named part, and their materials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from capture.data.toon.characters.palettes import Colour, shifted
from capture.data.toon.skeleton import INDEX, JOINTS
from capture.io.iuv import PART, SLOT_GRID

# Frames beside the joints that solids can hang from: they follow the pose softly (_soft_frames in rendering/camera.py).
FRAMES: dict[str, int] = INDEX | {"skirt": len(JOINTS), "cape": len(JOINTS) + 1, "hang": len(JOINTS) + 2}

# Kinds of solid: a rounded cone; an ellipsoid or open cone, clipped; a superellipsoid |x|^4 + |y|^4 + |z|^4 = 1
ROUND, QUADRIC, BOX = 0, 1, 2
Point = Sequence[float] | np.ndarray  # (3,)

# Columns of the geometry table; a solid lives in its own affine frame x -> A x + c, seen from its joint's frame.
GEOMETRY = {
    "affine": slice(0, 9),
    "centre": slice(9, 12),
    "shape": slice(12, 17),  # ROUND: length, radius at 0, radius at the end; QUADRIC: qy, ly, c0, y_min, y_max
    "plane": slice(17, 21),  # QUADRIC keeps n.x <= d
    "zigzag": slice(21, 23),  # ... with d varying by (amplitude, frequency) along x
    "front": slice(23, 26),  # picture coordinates of painted features: x * [0], (y - [1]) * [2]
}
GEOMETRY_SIZE = 26
CODES = {"kind": 0, "frame": 1, "part": 2, "slot": 3, "group": 4, "material": 5, "face": 6}

PATTERNS = {
    name: i
    for i, name in enumerate(
        ("plain", "rings", "pinstripes", "dots", "checks", "zigzag", "halves", "plaid", "diamonds")
    )
}
EMBLEMS = {
    name: i for i, name in enumerate(("none", "disc", "star", "heart", "diamond", "cross", "bolt", "panel", "belly"))
}
MATERIAL: dict[str, int | slice] = {
    "base": slice(0, 3), "alt": slice(3, 6), "pattern": 6, "fu": 7, "fv": 8, "gloss": 9, "inner": slice(10, 13),
    "low": slice(13, 16), "low_v": 16, "high": slice(17, 20), "high_v": 20, "strip": slice(21, 24), "strip_w": 24,
    "strip_v": 25,
    "strip_taper": 26, "emblem": 27, "emblem_rgb": slice(28, 31), "emblem_y": 31, "emblem_size": 32,
}  # fmt: skip
MATERIAL_SIZE = 33

FACE: dict[str, int | slice] = {
    "ex": 0, "ey": 1, "ew": 2, "eh": 3, "eye": 4, "pupil": 5, "iris": slice(6, 9), "white": slice(9, 12),
    "outline": slice(12, 15),
    "brow_y": 15, "brow_tilt": 16, "brow_w": 17, "brow": slice(18, 21), "mouth": 21, "my": 22, "mw": 23,
    "mouth_rgb": slice(24, 27),
    "curve": 27, "blush": 28, "blush_rgb": slice(29, 32), "glasses": 32, "glasses_rgb": slice(33, 36), "freckles": 36,
    "beard": 37,
    "beard_rgb": slice(38, 41), "patch": 41, "patch_rgb": slice(42, 45), "lash": 45, "nose": 46, "muzzle_mouth": 47,
    "lid": 48,
}  # fmt: skip
FACE_SIZE = 49


@dataclass
class Character:
    """One character: a skeleton, solids on its joints, and their materials. Plain arrays, so that it can be pickled."""

    seed: int
    traits: dict[str, Any]  # the chosen kind, build, wardrobe and colours, for people and for tests
    offsets: np.ndarray  # (J, 3) rest position of each joint in its parent's frame
    geometry: np.ndarray  # (K, GEOMETRY_SIZE) float32
    codes: np.ndarray  # (K, 7) int64, columns CODES
    materials: np.ndarray  # (M, MATERIAL_SIZE) float32
    face: np.ndarray  # (FACE_SIZE,) float32
    outline: Colour
    height: float  # standing, hat and hair included
    stature: float  # share of the frame's height that the standing character fills
    leg: float  # hip to ankle, the unit of clips
    skirt_length: float  # 0 without one; skirts and capes stop at the floor
    skirt_radius: float
    cape_length: float
    bounds: np.ndarray  # (S, 4) spheres that hold the solids: x, y, z, radius in their joints' frames
    bound_frames: np.ndarray  # (S,) int64
    contacts: np.ndarray  # (C, 4) spheres that may rest on the floor
    contact_frames: np.ndarray  # (C,) int64
    soles: int = 4  # the first contacts are the soles


def _basis(axis: np.ndarray, front: Sequence[float]) -> np.ndarray:
    """Orthonormal columns x, y, z with y along `axis` and z near `front`."""
    y = axis / math.sqrt(float(axis @ axis))
    z = np.asarray(front, float)
    z = z - (z @ y) * y
    if z @ z < 1e-6:
        z = np.array([0.0, 1.0, 0.0]) - y[1] * y
    z /= math.sqrt(float(z @ z))
    return np.stack(
        (np.array((y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0])), y, z), 1
    )


def turned(x: float = 0, y: float = 0, z: float = 0) -> np.ndarray:
    """Rotation matrix Rz Ry Rx from degrees."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (x, y, z))
    rx = np.array(((1, 0, 0), (0, cx, -sx), (0, sx, cx)))
    ry = np.array(((cy, 0, sy), (0, 1, 0), (-sy, 0, cy)))
    rz = np.array(((cz, -sz, 0), (sz, cz, 0), (0, 0, 1)))
    return rz @ ry @ rx


def _ring(affine: np.ndarray, centre: np.ndarray, radius: float, y: float) -> list[np.ndarray]:
    """Eight points just outside a circle about the y axis of an affine frame."""
    angles = np.arange(8) * (np.pi / 4)
    local = np.stack((np.sin(angles) * radius * 1.083, np.full(8, y), np.cos(angles) * radius * 1.083))
    return list((affine @ local).T + centre)


@dataclass
class Builder:
    """Collects the solids and materials of one character."""

    rows: list[np.ndarray] = field(default_factory=list)
    codes: list[tuple[int, ...]] = field(default_factory=list)
    bounds: list[tuple[float, ...]] = field(default_factory=list)
    bound_frames: list[int] = field(default_factory=list)
    materials: list[np.ndarray] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)

    def material(self, base: Colour, **settings: Any) -> int:
        """A material; settings are MATERIAL's names, patterns and emblems by name."""
        row = np.zeros(MATERIAL_SIZE, np.float32)
        defaults = {"base": base, "inner": shifted(base, -0.16), "fu": 8, "fv": 8, "low_v": -9, "high_v": 9}
        for name, value in {**defaults, **settings}.items():
            if name == "pattern":
                value = PATTERNS[value]
            elif name == "emblem":
                value = EMBLEMS[value]
            row[MATERIAL[name]] = value
        self.materials.append(row)
        return len(self.materials) - 1

    def _add(self, kind: int, part: str, frame: str, affine: np.ndarray, centre: Point,
        shape: Sequence[float],
             ends: Sequence[tuple[np.ndarray, float]], material: int, group: int, face: int,
             plane: Sequence[float] = (0, 0, 0, 9),
             zigzag: Sequence[float] = (0, 0), front: Sequence[float] = (1, 0, 1)) -> None:  # fmt: skip
        row = np.zeros(GEOMETRY_SIZE)
        row[GEOMETRY["affine"]] = affine.ravel()
        row[GEOMETRY["centre"]] = centre
        row[12 : 12 + len(shape)] = shape
        row[GEOMETRY["plane"]] = plane
        row[GEOMETRY["zigzag"]] = zigzag
        row[GEOMETRY["front"]] = front
        slot = self.slots.get(part, 0)
        self.slots[part] = slot + 1
        if slot >= SLOT_GRID[PART[part]] ** 2:
            raise ValueError(f"part {part!r} has more solids than slots")
        self.rows.append(row)
        self.codes.append((kind, FRAMES[frame], PART[part] + 1, slot, group, material, face))
        self.bounds += [(*point, radius) for point, radius in ends]
        self.bound_frames += [FRAMES[frame]] * len(ends)

    def limb(self, part: str, frame: str, start: Point, end: Point, r1: float, r2: float,
        material: int, group: int,
             flat: tuple[float, float] = (1, 1), front: Sequence[float] = (0, 0, 1),
             face: int = 0) -> None:  # fmt: skip
        """A rounded cone from `start` (radius r1) to `end` (radius r2); `flat` scales it across (x, z)."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        length = max(math.sqrt(float((b - a) @ (b - a))), 1e-4)
        affine = _basis(b - a if length > 1e-4 else np.array((0.0, 1.0, 0.0)), front) * np.array(
            (flat[0], 1.0, flat[1])
        )
        wide = max(*flat, 1.0)
        half = (length + r1 + r2) / 2
        self._add(ROUND, part, frame, affine, a, (length, r1, r2), ((a, r1 * wide), (b, r2 * wide)), material, group,
            face,
                  front=(1 / max(r1, r2), (length + r2 - r1) / 2, 1 / half))  # fmt: skip

    def ball(self, part: str, frame: str, centre: Point, radii: Sequence[float], material: int, group: int,
        turn: np.ndarray | None = None,
             face: int = 0, plane: Sequence[float] = (0, 0, 0, 9), y: tuple[float, float] = (-2, 2),
             zigzag: Sequence[float] = (0, 0)) -> None:  # fmt: skip
        """An ellipsoid, optionally cut open: kept where n.x <= d and y_min <= y <= y_max, in units of its radii."""
        affine = (np.eye(3) if turn is None else turn) * np.asarray(radii, float)
        middle = np.asarray(centre, float)
        flat = radii[1] < 0.4 * min(radii[0], radii[2])  # a brim: spheres on its rim instead of one around it
        ends = [(p, radii[1]) for p in _ring(affine, middle, 1.0, 0.0)] if flat else [(middle, max(radii))]
        self._add(QUADRIC, part, frame, affine, middle, (1, 0, -1, *y), ends, material, group, face, plane,
            zigzag)  # fmt: skip

    def cone(self, part: str, frame: str, start: Point, end: Point, r1: float, r2: float,
        material: int, group: int,
             flat: tuple[float, float] = (1, 1), front: Sequence[float] = (0, 0, 1), plane: Sequence[float] = (0, 0,
                 0, 9),
             zigzag: Sequence[float] = (0, 0)) -> None:  # fmt: skip
        """An open cone or tube, seen from both sides: skirts, capes, cuffs, brims."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        length = math.sqrt(float((b - a) @ (b - a)))
        affine = _basis(b - a, front) * np.array((flat[0], length, flat[1]))
        k = r2 - r1
        ends = [(p, 0.0) for p in (*_ring(affine, a, r1, 0.0), *_ring(affine, a, r2, 1.0))]
        self._add(QUADRIC, part, frame, affine, a, (-k * k, -2 * r1 * k, -r1 * r1, 0, 1), ends, material, group, 0,
            plane, zigzag,
                  (1 / max(r1, r2), 0.5, 2))  # fmt: skip

    def box(self, part: str, frame: str, centre: Point, radii: Sequence[float], material: int, group: int,
        turn: np.ndarray | None = None,
            face: int = 0) -> None:  # fmt: skip
        """A soft box (superellipsoid of power 4) with half sides `radii`."""
        affine = (np.eye(3) if turn is None else turn) * np.asarray(radii, float)
        middle = np.asarray(centre, float)
        reach = 3**0.25 * max(radii)
        self._add(BOX, part, frame, affine, middle, (), ((middle, reach),), material, group, face)
