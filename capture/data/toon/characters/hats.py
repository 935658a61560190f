"""Hats, crowns, helmets, bows."""

from __future__ import annotations

import math

import numpy as np

from capture.data.toon.characters.garments import HAT, SIDES, TRIM, choose
from capture.data.toon.characters.palettes import Palette, difference, mix, shifted
from capture.data.toon.characters.skull import Skull
from capture.data.toon.characters.solids import Builder, turned

Point = tuple[float, float, float]


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


def make_hat(k: Builder, rng: np.random.Generator, h: Skull, p: Palette, hat: str) -> None:
    colour = p.hat if difference(p.hat, p.hair) > 0.12 else p.accent
    felt = k.material(
        colour,
        inner=shifted(colour, -0.18),
        alt=p.light,
        pattern="rings" if hat == "beanie" and rng.random() < 0.5 else "plain",
        fv=5,
    )
    band = k.material(p.accent if difference(p.accent, colour) > 0.12 else p.light)
    wide = 1.13
    if hat in ("wizard", "straw", "top_hat"):
        felt = k.material((0.9, 0.75, 0.42), alt=(0.82, 0.65, 0.33), pattern="rings", fv=8) if hat == "straw" else felt
        brim = {"wizard": 1.75, "straw": 1.9, "top_hat": 1.5}[hat]
        turn = turned(-8)
        k.ball("hat", "head", h.at(0, 0.52, -0.02), (h.rx * brim, h.ry * 0.09, h.rz * brim), felt, HAT, turn)
        if hat == "wizard":
            _spike(k, h, (0, 0.55, -0.05), (rng.uniform(-0.2, 0.2), 1.75, -0.35), 1.04, 0.3, felt, HAT)
            _spike(k, h, (0, 1.72, -0.34), (rng.uniform(-0.5, 0.5), 2.3, -0.8), 0.32, 0.05, felt, HAT)
            k.cone("hat", "head", h.at(0, 0.58, -0.03), h.at(0, 0.82, -0.06), h.rx * 1.12, h.rx * 1.06, band, TRIM)
        elif hat == "straw":
            k.ball("hat", "head", h.at(0, 0.55, -0.05), h.radii(1.05, 0.72), felt, HAT)
            k.cone("hat", "head", h.at(0, 0.6, -0.03), h.at(0, 0.82, -0.05), h.rx * 1.1, h.rx * 1.06, band, TRIM)
        else:
            k.limb("hat", "head", h.at(0, 0.7, -0.05), h.at(0, 1.32, -0.1), h.rx * 0.92, h.rx * 0.94, felt, HAT, (1, 1))
            k.cone("hat", "head", h.at(0, 0.56, -0.03), h.at(0, 0.86, -0.06), h.rx * 0.99, h.rx * 0.97, band, TRIM)
    if hat in ("cap", "beanie"):
        k.ball(
            "hat",
            "head",
            h.at(0, 0.12, -0.04),
            h.radii(wide + 0.03, 1.08),
            felt,
            HAT,
            y=(0.32 if hat == "cap" else 0.3, 2),
        )
        if hat == "cap":
            back = rng.random() < 0.25
            k.ball(
                "hat",
                "head",
                h.at(0, 0.5, -0.85 if back else 0.85),
                (h.rx * 0.8, h.ry * 0.08, h.rz * 0.75),
                felt if rng.random() < 0.5 else band,
                HAT,
                turned(10 if not back else -10),
            )
            k.ball("hat", "head", h.at(0, 1.22, -0.04), h.radii(0.12), band, TRIM)
        else:
            _band(k, h, (0, 0.4, -0.04), (0, 0.68, -0.04), 1.2, 1.12, band, TRIM)
            k.ball("hat", "head", h.at(0, 1.28, -0.04), h.radii(0.26), band, TRIM)
    if hat == "helmet":
        steel = k.material(mix(p.light, (0.75, 0.78, 0.84), 0.7), gloss=1, inner=(0.3, 0.3, 0.36))
        k.ball("hat", "head", h.at(0, 0.04, -0.02), h.radii(1.16, 1.14), steel, HAT, plane=(0, -0.3, 0.954, 0.42))
        for j in range(4):
            a = math.radians(75 + 30 * j)
            _spike(
                k,
                h,
                (0, 1.08 * math.sin(a), 1.08 * math.cos(a)),
                (0, 1.45 * math.sin(a), 1.4 * math.cos(a)),
                0.18,
                0.24,
                band,
                TRIM,
            )
    if hat == "horns":
        steel = k.material(mix(p.dark, (0.5, 0.5, 0.55), 0.6), gloss=1)
        k.ball("hat", "head", h.at(0, 0.1, -0.04), h.radii(wide + 0.04, 1.1), steel, HAT, y=(0.34, 2))
        horn = k.material((0.95, 0.91, 0.8))
        for _, sign in SIDES:
            _spike(k, h, (sign * 0.95, 0.75, 0), (sign * 1.5, 0.95, 0), 0.24, 0.18, horn, TRIM)
            _spike(k, h, (sign * 1.5, 0.95, 0), (sign * 1.6, 1.6, 0), 0.18, 0.03, horn, TRIM)
    if hat == "crown":
        gold = k.material((0.96, 0.78, 0.28), gloss=1, inner=(0.72, 0.53, 0.18))
        _band(k, h, (0, 0.72, -0.05), (0, 1.15, -0.05), 0.84, 0.95, gold, HAT)
        for j in range(7):
            a = 2 * math.pi * j / 7
            _spike(
                k,
                h,
                (0.9 * math.sin(a), 1.1, 0.9 * math.cos(a) - 0.05),
                (1.0 * math.sin(a), 1.42, 1.0 * math.cos(a) - 0.05),
                0.16,
                0.05,
                gold,
                HAT,
            )
    if hat == "headband":
        _band(k, h, (0, 0.3, -0.04), (0, 0.52, -0.08), 1.15, 1.1, band, TRIM)
        for sign in (-1, 1):
            k.limb(
                "hat",
                "hang",
                (0, 0.35 * h.ry, -h.rz * 1.15),
                (sign * h.rx * 0.35, -0.4 * h.ry, -h.rz * 1.5),
                h.rx * 0.12,
                h.rx * 0.14,
                band,
                TRIM,
                (1, 0.5),
            )
    if hat == "bow":
        side = float(rng.choice((-0.6, 0, 0.6)))
        for sign in (-1, 1):
            k.limb(
                "hat",
                "head",
                h.at(side + sign * 0.06, 1.12 - abs(side) * 0.3, 0.2),
                h.at(side + sign * 0.46, 1.24 - abs(side) * 0.3, 0.2),
                h.rx * 0.09,
                h.rx * 0.25,
                felt,
                HAT,
                (1, 0.6),
            )
        k.ball("hat", "head", h.at(side, 1.12 - abs(side) * 0.3, 0.25), h.radii(0.14), band, TRIM)
    if hat == "chef":
        white = k.material((0.97, 0.97, 0.95))
        _band(k, h, (0, 0.45, -0.04), (0, 0.95, -0.05), 1.12, 1.02, white, HAT)
        for x, z in ((-0.5, 0.2), (0.5, 0.2), (0, -0.5), (0, 0.4)):
            k.ball("hat", "head", h.at(x, 1.15, z), h.radii(0.66), white, HAT)
    if hat == "hood":
        cloth = k.material(p.top, inner=shifted(p.top, -0.22))
        k.ball("hat", "head", h.at(0, 0.02, -0.06), h.radii(1.2, 1.2), cloth, HAT, plane=(0, -0.1, 0.995, 0.5))
        _spike(k, h, (0, 0.75, -0.6), (0, 0.85, -1.5), 0.6, 0.06, cloth, HAT)


def _band(k: Builder, h: Skull, low: Point, high: Point, r1: float, r2: float, material: int, group: int) -> None:
    """A band around the head, as deep as the head is: points and radii in units of the head's radii."""
    k.cone("hat", "head", h.at(*low), h.at(*high), h.rx * r1, h.rx * r2, material, group, (1, h.rz / h.rx))


def _spike(k: Builder, h: Skull, start: Point, end: Point, r1: float, r2: float, material: int, group: int) -> None:
    """A rounded cone on the head: points and radii in units of the head's radii."""
    k.limb("hat", "head", h.at(*start), h.at(*end), h.rx * r1, h.rx * r2, material, group)
