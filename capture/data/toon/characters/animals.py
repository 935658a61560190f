"""Animal heads: ears, snouts and markings by species."""

from __future__ import annotations

from typing import Any

import numpy as np

from capture.data.toon.characters.garments import EAR, EXTRA, SIDES, SKIN, TRIM, choose
from capture.data.toon.characters.hair import spike
from capture.data.toon.characters.hats import make_hat
from capture.data.toon.characters.palettes import Palette, mix, oklab, shifted
from capture.data.toon.characters.skull import Skull
from capture.data.toon.characters.solids import Builder

_WHITE = (0.99, 0.99, 0.97)


def add_animal(
    k: Builder, rng: np.random.Generator, species: str, h: Skull, p: Palette, put: Any, worn: dict[str, Any]
) -> dict[str, Any]:
    fur = k.material(p.skin)
    pale = mix(p.skin, (1.0, 0.97, 0.92), 0.7)
    dark = shifted(p.skin, -0.28, 0.8) if oklab(p.skin)[0] > 0.45 else shifted(p.skin, 0.2)
    inner_rgb = mix(p.skin, (0.98, 0.62, 0.66), 0.6)
    inner, black = k.material(inner_rgb), k.material((0.16, 0.13, 0.15))
    ear = k.material((0.18, 0.17, 0.2)) if species == "panda" else fur
    size = rng.uniform(0.85, 1.2)

    def ears(
        base: tuple, tip: tuple, r1: float, r2: float, flat: float = 0.5, lining: bool = True, material: int = ear
    ) -> None:
        for _, sign in SIDES:
            a, c = h.at(sign * base[0], base[1], base[2]), h.at(sign * tip[0], tip[1], tip[2])
            k.limb("ears", "head", a, c, h.rx * r1, h.rx * r2, material, EAR, (1, flat))
            if lining:
                ahead = h.rz * r1 * flat * 0.55
                m = [x + (y - x) * 0.1 for x, y in zip(a, c, strict=True)]
                e = [x + (y - x) * 0.86 for x, y in zip(a, c, strict=True)]
                k.limb(
                    "ears",
                    "head",
                    (m[0], m[1], m[2] + ahead),
                    (e[0], e[1], e[2] + ahead),
                    h.rx * r1 * 0.62,
                    h.rx * r2 * 0.6,
                    inner,
                    EAR + 1,
                    (1, flat),
                )

    if species in ("cat", "tiger"):
        ears((0.62, 0.72, 0), (0.85, 1.3 * size, -0.05), 0.34, 0.07)
    elif species in ("fox", "wolf"):
        ears((0.6, 0.75, 0), (0.82, 1.5 * size, -0.1), 0.36, 0.06, material=ear if species == "wolf" else fur)
    elif species == "bunny":
        bend = rng.uniform(-0.1, 0.5)
        ears((0.36, 0.8, -0.1), (0.42 + bend, 1.95 * size, -0.25), 0.2, 0.22, 0.45)
    elif species == "mouse":
        ears((0.85, 0.72, -0.1), (1.0, 0.98, -0.1), 0.46 * size, 0.48 * size, 0.3)
    elif species in ("bear", "panda"):
        ears((0.7, 0.76, -0.1), (0.76, 0.86, -0.1), 0.32 * size, 0.3 * size, 0.6)
    elif species == "dog":
        lop = k.material(dark)
        ears((0.86, 0.55, -0.05), (1.18, -0.35 * size, 0.0), 0.2, 0.3, 0.5, False, lop)
    elif species == "pig":
        ears((0.62, 0.76, 0.1), (0.86, 1.0, 0.4), 0.24, 0.08)
    elif species == "elephant":
        ears((1.05, 0.1, -0.15), (1.55, 0.05, -0.2), 0.5, 0.62 * size, 0.22)
    elif species == "frog":
        for _, sign in SIDES:
            k.ball("ears", "head", h.at(sign * 0.5, 0.88, 0.25), h.radii(0.34), fur, SKIN)
            k.ball("ears", "head", h.at(sign * 0.5, 0.94, 0.4), h.radii(0.26), k.material(_WHITE), EAR)
            k.ball("ears", "head", h.at(sign * 0.5, 0.96, 0.58), h.radii(0.14), black, EAR + 1)
    put(brow=dark, patch_rgb=pale)
    snout = k.material(pale if species not in ("elephant", "pig", "frog") else mix(p.skin, (1, 0.6, 0.6), 0.25))
    if species in ("cat", "bunny", "mouse", "tiger", "bear", "panda"):
        k.ball("face", "head", h.at(0, -0.42, 0.84), (h.rx * 0.4, h.ry * 0.27, h.rz * 0.3), snout, SKIN, face=2)
        k.ball(
            "face",
            "head",
            h.at(0, -0.28, 1.14),
            (h.rx * 0.12, h.ry * 0.085, h.rz * 0.09),
            black if species not in ("bunny", "cat") else inner,
            EXTRA,
        )
        put(mouth=0, muzzle_mouth=6)
    elif species in ("dog", "fox", "wolf"):
        long = rng.uniform(1.15, 1.4)
        k.limb(
            "face",
            "head",
            h.at(0, -0.36, 0.7),
            h.at(0, -0.4, long),
            h.rx * 0.36,
            h.rx * 0.22,
            snout,
            SKIN,
            (1.05, 0.85),
        )
        k.ball("face", "head", h.at(0, -0.24, long + 0.17), (h.rx * 0.13, h.ry * 0.1, h.rz * 0.11), black, EXTRA)
        put(mouth=0)
    elif species == "pig":
        k.limb("face", "head", h.at(0, -0.3, 0.8), h.at(0, -0.3, 1.14), h.rx * 0.3, h.rx * 0.28, snout, TRIM, face=3)
    elif species == "elephant":
        k.limb("face", "head", h.at(0, -0.28, 0.8), h.at(0, -0.85, 1.25), h.rx * 0.25, h.rx * 0.19, fur, SKIN)
        k.limb("face", "head", h.at(0, -0.85, 1.25), h.at(0, -1.2, 1.6), h.rx * 0.19, h.rx * 0.15, fur, SKIN)
        put(mouth=0)
    elif species == "frog":
        put(eye=8, mouth=1, mw=0.6, my=-0.35, curve=0.14, brow_w=0, glasses=0)
    patch = {"panda": 1, "fox": 2, "wolf": 2, "tiger": 4}.get(
        species, 3 if species in ("cat", "dog") and rng.random() < 0.4 else 0
    )
    patch_rgb = {"panda": (0.18, 0.17, 0.2), "tiger": (0.24, 0.16, 0.14)}.get(species, pale)
    put(patch=patch, patch_rgb=patch_rgb)
    hat = "none"
    if rng.random() < 0.3 and species not in ("bunny", "frog"):
        hat = choose(
            rng,
            ("bow", "crown", "headband")
            if species not in ("dog", "elephant", "bear")
            else ("bow", "crown", "cap", "wizard", "straw", "top_hat"),
        )
    if worn["outfit"] == "royal":
        hat = "crown"
    tuft = "none"
    if hat != "none":
        make_hat(k, rng, h, p, hat)
    elif rng.random() < 0.35 and species not in ("frog",):
        tuft = "tuft"
        hair = k.material(dark, gloss=2)
        for x in (-0.2, 0.0, 0.2):
            spike(k, h, (x * 0.6, 0.85, 0.3), (x * 2.2, 1.4 - abs(x), 0.55), 0.16, 0.03, hair)
    return {"ears": species, "hat": hat, "hair": tuft, "patch": patch, "nose": "muzzle", "beard": "none"}
