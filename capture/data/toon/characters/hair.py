"""Hair styles."""

from __future__ import annotations

import math

import numpy as np

from capture.data.toon.characters.garments import HAIR, SIDES, TRIM, choose
from capture.data.toon.characters.palettes import Palette, shifted
from capture.data.toon.characters.skull import Skull
from capture.data.toon.characters.solids import Builder


def spike(
    k: Builder,
    h: Skull,
    start: tuple,
    end: tuple,
    r1: float,
    r2: float,
    material: int,
    frame: str = "head",
    flat: tuple[float, float] = (1, 1),
) -> None:
    k.limb("hair", frame, h.at(*start), h.at(*end), r1 * h.rx, r2 * h.rx, material, HAIR, flat)


def make_hair(k: Builder, rng: np.random.Generator, h: Skull, p: Palette, hat: str) -> str:
    """Add a random hair style; under a hat, one that fits below it."""
    under = ("short", "bob", "long", "ponytail", "twin", "braids", "bald", "side")
    every = {
        "bald": 0.05,
        "short": 0.15,
        "side": 0.12,
        "bob": 0.11,
        "long": 0.12,
        "ponytail": 0.09,
        "twin": 0.07,
        "buns": 0.06,
        "spiky": 0.1,
        "mohawk": 0.03,
        "afro": 0.05,
        "curly": 0.06,
        "braids": 0.05,
        "bowl": 0.05,
        "quiff": 0.06,
    }
    style = choose(rng, {name: w for name, w in every.items() if hat in ("none", "headband", "bow") or name in under})
    if hat in ("helmet", "hood"):
        return "hidden"
    if style == "bald":
        return style
    hair = k.material(
        p.hair,
        gloss=2,
        inner=shifted(p.hair, -0.14),
        alt=shifted(p.hair, -0.055),
        pattern="pinstripes",
        fu=float(rng.choice((9.0, 13.0))),
    )
    scale = 1.09 if hat == "none" else 1.06
    zig = (rng.uniform(0.1, 0.3), rng.uniform(1.2, 3.2)) if style != "bowl" and rng.random() < 0.8 else (0.0, 0.0)
    line = rng.uniform(0.2, 0.36)

    def cap(size: float, plane: tuple[float, float, float, float], tall: float | None = None, z: float = -0.04) -> None:
        n = math.sqrt(sum(v * v for v in plane[:3]))
        k.ball(
            "hair",
            "head",
            h.at(0, 0.05, z),
            h.radii(size, tall),
            hair,
            HAIR,
            plane=(*(v / n for v in plane[:3]), plane[3]),
            zigzag=zig,
        )

    short_plane = (0, -0.55, 0.84, line)
    if style in ("short", "spiky", "ponytail", "twin", "buns", "braids", "curly", "quiff"):
        cap(scale, short_plane)
    if style == "side":
        cap(scale + 0.02, (float(rng.choice((-1, 1))) * 0.45, -0.5, 0.8, line + 0.02))
    if style == "bowl":
        cap(scale + 0.06, (0, -0.86, 0.5, 0.1), 1.08)
    if style == "bob":
        cap(scale + 0.12, (0, -0.3, 0.95, line + 0.12), 1.16)
        for _, sign in SIDES:
            spike(k, h, (sign * 0.86, 0.2, 0.42), (sign * 0.93, -0.68, 0.3), 0.26, 0.16, hair)
    if style == "long":
        cap(scale + 0.04, short_plane)
        down = rng.uniform(1.3, 2.4)
        k.limb(
            "hair",
            "hang",
            (0, 0.15 * h.ry, -h.rz * 0.5),
            (0, -down * h.ry, -h.rz * 0.72),
            h.rx * 0.95,
            h.rx * rng.uniform(0.5, 0.9),
            hair,
            HAIR,
            (1, 0.5),
        )
        for _, sign in SIDES:
            spike(k, h, (sign * 0.92, 0.25, 0.35), (sign * 0.98, -0.9, 0.3), 0.2, 0.1, hair)
    if style == "ponytail":
        high = rng.uniform(0.1, 0.75)
        k.ball("extra", "head", h.at(0, high, -1.1), h.radii(0.2), k.material(p.accent), TRIM)
        mid = (0, high * h.ry + 0.05, -h.rz * 1.65)
        k.limb("hair", "hang", (0, high * h.ry, -h.rz * 1.15), mid, h.rx * 0.22, h.rx * 0.34, hair, HAIR)
        k.limb(
            "hair", "hang", mid, (0, -h.ry * rng.uniform(0.6, 1.6), -h.rz * 1.5), h.rx * 0.34, h.rx * 0.06, hair, HAIR
        )
    if style == "twin":
        down, high = rng.uniform(0.6, 1.9), rng.uniform(0.0, 0.5)
        for _, sign in SIDES:
            k.ball("extra", "head", h.at(sign * 1.06, high, -0.2), h.radii(0.2), k.material(p.accent), TRIM)
            k.limb(
                "hair",
                "hang",
                (sign * h.rx * 1.2, high * h.ry, -h.rz * 0.2),
                (sign * h.rx * 1.55, -down * h.ry, -h.rz * 0.3),
                h.rx * 0.36,
                h.rx * 0.1,
                hair,
                HAIR,
            )
    if style == "braids":
        for _, sign in SIDES:
            for j in range(4):
                k.ball(
                    "hair",
                    "hang",
                    (sign * h.rx * 1.08, -h.ry * (0.35 + 0.36 * j), -h.rz * 0.1),
                    (h.rx * (0.23 - 0.025 * j),) * 3,
                    hair,
                    HAIR,
                )
            k.ball(
                "extra",
                "hang",
                (sign * h.rx * 1.08, -h.ry * 1.72, -h.rz * 0.1),
                (h.rx * 0.13,) * 3,
                k.material(p.accent),
                TRIM,
            )
    if style == "buns":
        one = rng.random() < 0.4
        for sign in (0,) if one else (-1, 1):
            k.ball("hair", "head", h.at(sign * 0.72, 0.98 if not one else 1.2, -0.15), h.radii(0.36), hair, HAIR)
    if style == "spiky":
        count, long = int(rng.integers(7, 11)), rng.uniform(1.4, 1.75)
        for j in range(count):
            a = math.radians(-100 + 200 * j / (count - 1) + rng.uniform(-8, 8))
            z = rng.uniform(-0.35, 0.25)
            spike(
                k,
                h,
                (0.72 * math.sin(a), 0.72 * math.cos(a) + 0.05, z),
                (long * 0.92 * math.sin(a), long * math.cos(a) * 0.9 + 0.1, z * 1.5 - 0.1),
                0.32,
                0.03,
                hair,
            )
        for x in (-0.45, 0.0, 0.45):
            spike(k, h, (x, 0.75, 0.62), (x * 1.25 + rng.uniform(-0.1, 0.1), 0.28, 1.06), 0.24, 0.03, hair)
            spike(k, h, (x, 0.3, -0.75), (x * 1.6, -0.3, -1.45), 0.34, 0.03, hair)
    if style == "mohawk":
        tall = rng.uniform(1.35, 1.7)
        for j in range(6):
            a = math.radians(58 + 27 * j)
            spike(
                k,
                h,
                (0, 0.8 * math.sin(a), 0.8 * math.cos(a)),
                (0, tall * math.sin(a - 0.1), tall * math.cos(a - 0.1)),
                0.34,
                0.12,
                hair,
                flat=(0.6, 1),
            )
    if style == "afro":
        k.ball("hair", "head", h.at(0, 0.5, -0.45), h.radii(rng.uniform(1.32, 1.5)), hair, HAIR)
        cap(1.08, short_plane)
    if style == "curly":
        for j in range(11):
            a = math.radians(-125 + 25 * j)
            k.ball(
                "hair",
                "head",
                h.at(0.92 * math.sin(a), 0.82 * math.cos(a) + 0.1, 0.2 if j % 2 else -0.2),
                h.radii(0.34),
                hair,
                HAIR,
            )
        for x, y, z in (
            (-0.45, 0.72, 0.72),
            (0.0, 0.82, 0.72),
            (0.45, 0.72, 0.72),
            (-0.5, 0.3, -0.85),
            (0.5, 0.3, -0.85),
            (0.0, 0.75, -0.75),
            (0.0, -0.1, -0.95),
        ):
            k.ball("hair", "head", h.at(x, y, z), h.radii(0.36), hair, HAIR)
    if style == "quiff":
        lean = float(rng.choice((-0.3, 0, 0.3)))
        k.limb(
            "hair",
            "head",
            h.at(-lean, 0.85, 0.35),
            h.at(lean, 1.12, 0.85),
            h.rx * 0.5,
            h.rx * 0.34,
            hair,
            HAIR,
            (1.3, 0.8),
        )
    return style
