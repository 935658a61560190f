"""Hats, crowns, helmets, bows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from capture.data.toon.characters.garments import HAT, SIDES, TRIM, choose
from capture.data.toon.characters.palettes import Palette, difference, mix, shifted
from capture.data.toon.characters.skull import Skull
from capture.data.toon.characters.solids import Builder, turned

Point = tuple[float, float, float]
WIDE = 1.13  # of the head's radii: hats that cover the hair


def choose_hat(rng: np.random.Generator, outfit: str) -> str:
    by_outfit = {
        "robe": {"wizard": 0.6, "none": 0.25, "hood": 0.15},
        "knight": {"helmet": 0.55, "none": 0.3, "horns": 0.15},
        "royal": {"crown": 0.7, "none": 0.3},
        "hero": {"none": 0.8, "headband": 0.2},
        "ninja": {"headband": 0.5, "hood": 0.5},
        "sporty": {"cap": 0.5, "headband": 0.25, "none": 0.25},
        "overalls": {"straw": 0.4, "cap": 0.3, "none": 0.3},
    }
    usual = {
        "none": 0.62,
        "cap": 0.08,
        "beanie": 0.07,
        "top_hat": 0.05,
        "straw": 0.05,
        "headband": 0.06,
        "bow": 0.05,
        "chef": 0.02,
    }
    return choose(rng, by_outfit.get(outfit, usual))


class _Making(NamedTuple):
    """What a hat is made of, and on what head."""

    k: Builder
    rng: np.random.Generator
    h: Skull
    p: Palette
    felt: int  # material
    band: int  # material


def make_hat(k: Builder, rng: np.random.Generator, h: Skull, p: Palette, hat: str) -> None:
    """Add a hat to a head; `none` adds nothing."""
    colour = p.hat if difference(p.hat, p.hair) > 0.12 else p.accent
    rings = hat == "beanie" and rng.random() < 0.5
    felt = k.material(colour, inner=shifted(colour, -0.18), alt=p.light, pattern="rings" if rings else "plain", fv=5)
    band = k.material(p.accent if difference(p.accent, colour) > 0.12 else p.light)
    if hat != "none":
        _MAKERS[hat](_Making(k, rng, h, p, felt, band))


def _wizard(m: _Making) -> None:
    _brim(m, m.felt, 1.75)
    _spike(m, (0, 0.55, -0.05), (m.rng.uniform(-0.2, 0.2), 1.75, -0.35), 1.04, 0.3, m.felt, HAT)
    _spike(m, (0, 1.72, -0.34), (m.rng.uniform(-0.5, 0.5), 2.3, -0.8), 0.32, 0.05, m.felt, HAT)
    _ribbon(m, (0, 0.58, -0.03), (0, 0.82, -0.06), 1.12, 1.06)


def _straw(m: _Making) -> None:
    straw = m.k.material((0.9, 0.75, 0.42), alt=(0.82, 0.65, 0.33), pattern="rings", fv=8)
    _brim(m, straw, 1.9)
    m.k.ball("hat", "head", m.h.at(0, 0.55, -0.05), m.h.radii(1.05, 0.72), straw, HAT)
    _ribbon(m, (0, 0.6, -0.03), (0, 0.82, -0.05), 1.1, 1.06)


def _top_hat(m: _Making) -> None:
    _brim(m, m.felt, 1.5)
    low, high = m.h.at(0, 0.7, -0.05), m.h.at(0, 1.32, -0.1)
    m.k.limb("hat", "head", low, high, m.h.rx * 0.92, m.h.rx * 0.94, m.felt, HAT, (1, 1))
    _ribbon(m, (0, 0.56, -0.03), (0, 0.86, -0.06), 0.99, 0.97)


def _cap(m: _Making) -> None:
    _cover(m, 0.32)
    back = m.rng.random() < 0.25
    peak = (m.h.rx * 0.8, m.h.ry * 0.08, m.h.rz * 0.75)
    material = m.felt if m.rng.random() < 0.5 else m.band
    turn = turned(10 if not back else -10)
    m.k.ball("hat", "head", m.h.at(0, 0.5, -0.85 if back else 0.85), peak, material, HAT, turn)
    m.k.ball("hat", "head", m.h.at(0, 1.22, -0.04), m.h.radii(0.12), m.band, TRIM)


def _beanie(m: _Making) -> None:
    _cover(m, 0.3)
    _band(m, (0, 0.4, -0.04), (0, 0.68, -0.04), 1.2, 1.12, m.band, TRIM)
    m.k.ball("hat", "head", m.h.at(0, 1.28, -0.04), m.h.radii(0.26), m.band, TRIM)


def _helmet(m: _Making) -> None:
    steel = m.k.material(mix(m.p.light, (0.75, 0.78, 0.84), 0.7), gloss=1, inner=(0.3, 0.3, 0.36))
    m.k.ball("hat", "head", m.h.at(0, 0.04, -0.02), m.h.radii(1.16, 1.14), steel, HAT, plane=(0, -0.3, 0.954, 0.42))
    for j in range(4):
        a = math.radians(75 + 30 * j)
        root, tip = (0, 1.08 * math.sin(a), 1.08 * math.cos(a)), (0, 1.45 * math.sin(a), 1.4 * math.cos(a))
        _spike(m, root, tip, 0.18, 0.24, m.band, TRIM)


def _horns(m: _Making) -> None:
    steel = m.k.material(mix(m.p.dark, (0.5, 0.5, 0.55), 0.6), gloss=1)
    m.k.ball("hat", "head", m.h.at(0, 0.1, -0.04), m.h.radii(WIDE + 0.04, 1.1), steel, HAT, y=(0.34, 2))
    horn = m.k.material((0.95, 0.91, 0.8))
    for _, sign in SIDES:
        _spike(m, (sign * 0.95, 0.75, 0), (sign * 1.5, 0.95, 0), 0.24, 0.18, horn, TRIM)
        _spike(m, (sign * 1.5, 0.95, 0), (sign * 1.6, 1.6, 0), 0.18, 0.03, horn, TRIM)


def _crown(m: _Making) -> None:
    gold = m.k.material((0.96, 0.78, 0.28), gloss=1, inner=(0.72, 0.53, 0.18))
    _band(m, (0, 0.72, -0.05), (0, 1.15, -0.05), 0.84, 0.95, gold, HAT)
    for j in range(7):
        a = 2 * math.pi * j / 7
        root = (0.9 * math.sin(a), 1.1, 0.9 * math.cos(a) - 0.05)
        _spike(m, root, (1.0 * math.sin(a), 1.42, 1.0 * math.cos(a) - 0.05), 0.16, 0.05, gold, HAT)


def _headband(m: _Making) -> None:
    _band(m, (0, 0.3, -0.04), (0, 0.52, -0.08), 1.15, 1.1, m.band, TRIM)
    for sign in (-1, 1):
        knot, end = (0, 0.35 * m.h.ry, -m.h.rz * 1.15), (sign * m.h.rx * 0.35, -0.4 * m.h.ry, -m.h.rz * 1.5)
        m.k.limb("hat", "hang", knot, end, m.h.rx * 0.12, m.h.rx * 0.14, m.band, TRIM, (1, 0.5))


def _bow(m: _Making) -> None:
    side = float(m.rng.choice((-0.6, 0, 0.6)))
    lower = abs(side) * 0.3
    for sign in (-1, 1):
        knot, end = m.h.at(side + sign * 0.06, 1.12 - lower, 0.2), m.h.at(side + sign * 0.46, 1.24 - lower, 0.2)
        m.k.limb("hat", "head", knot, end, m.h.rx * 0.09, m.h.rx * 0.25, m.felt, HAT, (1, 0.6))
    m.k.ball("hat", "head", m.h.at(side, 1.12 - lower, 0.25), m.h.radii(0.14), m.band, TRIM)


def _chef(m: _Making) -> None:
    white = m.k.material((0.97, 0.97, 0.95))
    _band(m, (0, 0.45, -0.04), (0, 0.95, -0.05), 1.12, 1.02, white, HAT)
    for x, z in ((-0.5, 0.2), (0.5, 0.2), (0, -0.5), (0, 0.4)):
        m.k.ball("hat", "head", m.h.at(x, 1.15, z), m.h.radii(0.66), white, HAT)


def _hood(m: _Making) -> None:
    cloth = m.k.material(m.p.top, inner=shifted(m.p.top, -0.22))
    m.k.ball("hat", "head", m.h.at(0, 0.02, -0.06), m.h.radii(1.2, 1.2), cloth, HAT, plane=(0, -0.1, 0.995, 0.5))
    _spike(m, (0, 0.75, -0.6), (0, 0.85, -1.5), 0.6, 0.06, cloth, HAT)


_MAKERS: dict[str, Callable[[_Making], None]] = {
    "wizard": _wizard,
    "straw": _straw,
    "top_hat": _top_hat,
    "cap": _cap,
    "beanie": _beanie,
    "helmet": _helmet,
    "horns": _horns,
    "crown": _crown,
    "headband": _headband,
    "bow": _bow,
    "chef": _chef,
    "hood": _hood,
}


def _brim(m: _Making, material: int, width: float) -> None:
    size = (m.h.rx * width, m.h.ry * 0.09, m.h.rz * width)
    m.k.ball("hat", "head", m.h.at(0, 0.52, -0.02), size, material, HAT, turned(-8))


def _ribbon(m: _Making, low: Point, high: Point, r1: float, r2: float) -> None:
    """A round ribbon above a brim."""
    m.k.cone("hat", "head", m.h.at(*low), m.h.at(*high), m.h.rx * r1, m.h.rx * r2, m.band, TRIM)


def _cover(m: _Making, low: float) -> None:
    """The upper part of a ball over the head, from `low` on."""
    m.k.ball("hat", "head", m.h.at(0, 0.12, -0.04), m.h.radii(WIDE + 0.03, 1.08), m.felt, HAT, y=(low, 2))


def _band(m: _Making, low: Point, high: Point, r1: float, r2: float, material: int, group: int) -> None:
    """A band around the head, as deep as the head is: points and radii in units of the head's radii."""
    h = m.h
    m.k.cone("hat", "head", h.at(*low), h.at(*high), h.rx * r1, h.rx * r2, material, group, (1, h.rz / h.rx))


def _spike(m: _Making, start: Point, end: Point, r1: float, r2: float, material: int, group: int) -> None:
    """A rounded cone on the head: points and radii in units of the head's radii."""
    m.k.limb("hat", "head", m.h.at(*start), m.h.at(*end), m.h.rx * r1, m.h.rx * r2, material, group)
