"""Pieces of clothing: fabrics, skirts, capes, scarves; and tails."""

from __future__ import annotations

from typing import Any

import numpy as np

from capture.data.toon.characters.palettes import Colour, Palette, difference, mix, shifted
from capture.data.toon.characters.proportions import Build
from capture.data.toon.characters.solids import Builder

# Outlines separate groups, not solids: a sleeve and its shirt are one group.
SKIN, TOP, BOTTOM, SHOE, GLOVE, HAIR, HAT, CAPE, EXTRA, TRIM, EAR, JOINT = range(1, 13)
SIDES = (("l", 1), ("r", -1))


def choose(rng: np.random.Generator, options: dict[str, float] | tuple[str, ...]) -> str:
    """A random option, with the given weights, if any."""
    if isinstance(options, tuple):
        return options[int(rng.integers(len(options)))]
    names, weights = list(options), np.array(list(options.values()))
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def cloth(
    k: Builder, rng: np.random.Generator, base: Colour, alt: Colour, plain: float, scale: float = 1.0, **more: Any
) -> tuple[int, str]:
    """A material of a plain or patterned fabric, and the name of its pattern."""
    names = ("rings", "pinstripes", "dots", "checks", "zigzag", "halves", "plaid", "diamonds")
    pattern = "plain" if rng.random() < plain else choose(rng, names)
    count = float(rng.choice((2.0, 3.0, 4.0))) * scale
    around = {"pinstripes": 10, "dots": 8, "checks": 8, "plaid": 8, "zigzag": 8, "diamonds": 8}.get(pattern, 6)
    return k.material(base, alt=alt, pattern=pattern, fu=around, fv=count, **more), pattern


def add_skirt(k: Builder, rng: np.random.Generator, b: Build, p: Palette, skirt: str, group: int) -> None:
    length = {"skirt": rng.uniform(0.42, 0.62), "tunic": rng.uniform(0.26, 0.36), "robe": rng.uniform(0.8, 0.92)}[
        skirt
    ] * b.leg
    flare = {"skirt": rng.uniform(1.5, 2.1), "tunic": 1.35, "robe": rng.uniform(1.4, 1.75)}[skirt]
    trim = {"high": p.accent if rng.random() < 0.5 else p.light, "high_v": 0.86} if rng.random() < 0.6 else {}
    fabric, _ = cloth(k, rng, p.top, p.light, 0.55, 1.0, inner=shifted(p.top, -0.2), **trim)
    waist = max(b.pelvis, b.leg_r + b.hip) * 1.06
    zigzag = (0.0, 0.0)
    k.cone(
        "skirt",
        "skirt",
        (0, 0.16 * b.torso, 0),
        (0, -length, 0),
        waist * 0.98,
        waist * flare,
        fabric,
        group,
        (1, 0.88),
        zigzag=zigzag,
    )
    if rng.random() < 0.5:
        k.cone(
            "skirt",
            "pelvis",
            (0, 0.2 * b.torso, 0),
            (0, 0.08 * b.torso, 0),
            waist * 1.04,
            waist * 1.05,
            k.material(p.accent),
            TRIM,
            (1, 0.9),
        )


def add_cape(k: Builder, rng: np.random.Generator, b: Build, p: Palette) -> None:
    colour = p.accent if difference(p.accent, p.top) > 0.18 else p.dark
    trim = {"high": p.light, "high_v": 0.92} if rng.random() < 0.5 else {}
    fabric = k.material(colour, inner=shifted(colour, -0.15), **trim)
    length = 0.5 * b.torso + b.leg * rng.uniform(0.45, 0.8)
    wide = b.shoulder + b.arm_r * 0.4
    k.cone(
        "cape",
        "cape",
        (0, 0.46 * b.torso, 0.0),
        (0, -length, -0.06),
        wide,
        wide * rng.uniform(1.3, 1.6),
        fabric,
        CAPE,
        (1, max(b.thick, 0.8)),
        plane=(0, 0, 1, -0.12),
    )
    k.ball(
        "neck",
        "chest",
        (0, 0.45 * b.torso, 0),
        (b.chest * 0.84, 0.035 + 0.1 * b.arm_r, b.chest * 0.84),
        k.material(colour),
        CAPE,
    )


def add_scarf(k: Builder, b: Build, p: Palette) -> None:
    wool = k.material(p.accent, alt=p.light, pattern="rings", fv=2)
    k.ball("neck", "neck", (0, 0.005, 0), (b.chest * 0.78, 0.042, b.chest * 0.74), k.material(p.accent), EXTRA)
    k.limb(
        "extra",
        "chest",
        (b.chest * 0.52, 0.36 * b.torso, b.chest * b.thick * 0.8),
        (b.chest * 0.62, -0.12 * b.torso, b.chest * b.thick * 0.95),
        b.chest * 0.22,
        b.chest * 0.27,
        wool,
        EXTRA,
        (1, 0.4),
    )


def add_tail(k: Builder, rng: np.random.Generator, species: str, b: Build, p: Palette) -> str:
    fur = k.material(p.skin, alt=shifted(p.skin, -0.2), pattern="rings" if species == "tiger" else "plain", fv=5)
    tip = k.material(mix(p.skin, (1, 1, 1), 0.75) if species in ("fox", "wolf") else p.skin)
    root = (0, 0.04, -b.pelvis * 0.75)
    if species in ("bunny", "bear", "panda"):
        r = 0.05 if species != "bunny" else 0.065
        k.ball(
            "tail",
            "pelvis",
            (0, 0.02, -b.pelvis * 0.85 - r * 0.4),
            (r, r, r),
            tip if species != "bunny" else k.material(mix(p.skin, (1, 1, 1), 0.6)),
            EXTRA,
        )
        return "ball"
    if species in ("fox", "wolf"):
        mid = (0, 0.04 + rng.uniform(-0.04, 0.06), -b.pelvis - 0.12)
        k.limb("tail", "pelvis", root, mid, 0.03, 0.075, fur, EXTRA)
        k.limb("tail", "pelvis", mid, (0, mid[1] + 0.1, mid[2] - 0.1), 0.075, 0.02, tip, EXTRA)
        return "bushy"
    if species in ("frog",):
        return "none"
    thin = 0.024 if species not in ("mouse", "pig", "elephant") else 0.014
    mid = (0, -0.03, -b.pelvis - 0.11)
    k.limb("tail", "pelvis", root, mid, thin * 1.15, thin, fur, EXTRA)
    k.limb("tail", "pelvis", mid, (rng.uniform(-0.05, 0.05), 0.14, mid[2] - 0.08), thin, thin * 0.9, fur, EXTRA)
    return "thin"
