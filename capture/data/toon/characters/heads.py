"""Heads: shape, face, ears."""

from __future__ import annotations

from typing import Any

import numpy as np

from capture.data.toon.characters.animals import add_animal
from capture.data.toon.characters.garments import EAR, HAIR, HAT, SIDES, SKIN, TRIM, choose
from capture.data.toon.characters.hair import make_hair
from capture.data.toon.characters.hats import choose_hat, make_hat
from capture.data.toon.characters.palettes import GLOW, Colour, Palette, difference, mix, pick, shifted
from capture.data.toon.characters.proportions import Build
from capture.data.toon.characters.skull import Skull
from capture.data.toon.characters.solids import FACE, FACE_SIZE, Builder

_WHITE, _BLACK = (0.99, 0.99, 0.97), (0.09, 0.07, 0.09)
EYES = ("dot", "anime", "round", "sleepy", "happy", "visor", "led", "mono")
MOUTHS = ("none", "smile", "open", "flat", "o", "grin", "cat")


def make_head(
    k: Builder, rng: np.random.Generator, kind: str, species: str, b: Build, p: Palette, worn: dict[str, Any]
) -> tuple[np.ndarray, dict[str, Any]]:
    """Add the head; returns the face row and the chosen traits."""
    h = Skull(b)
    face = np.zeros(FACE_SIZE, np.float32)

    def put(**values: Any) -> None:
        for name, value in values.items():
            face[FACE[name]] = value

    put(
        white=_WHITE,
        outline=p.outline,
        iris=p.iris,
        pupil=rng.uniform(0.5, 0.75),
        blush_rgb=mix(p.skin, (0.95, 0.35, 0.35), 0.45),
    )
    if kind == "robot":
        return face, _robot_head(k, rng, h, p, put)
    skin = k.material(p.skin)
    shape = choose(rng, {"ball": 0.6, "egg": 0.25, "pear": 0.15})
    if shape == "ball":
        k.ball("head", "head", h.centre, h.radii(1), skin, SKIN, face=1)
    else:
        low, high = (0.8, 1.0) if shape == "egg" else (1.0, 0.84)
        r1, r2 = h.rx * low, h.rx * high
        half = h.ry
        k.limb(
            "head",
            "head",
            h.at(0, (-half + r1) / half, 0),
            h.at(0, (half - r2) / half, 0),
            r1,
            r2,
            skin,
            SKIN,
            (1, h.rz / h.rx),
            face=1,
        )

    big = rng.uniform(0.85, 1.2)
    eye = choose(rng, {"anime": 0.5, "dot": 0.22, "round": 0.14, "sleepy": 0.09, "happy": 0.05})
    sizes = {
        "anime": (0.17, 0.25),
        "dot": (0.095, 0.16),
        "round": (0.19, 0.21),
        "sleepy": (0.18, 0.2),
        "happy": (0.17, 0.14),
    }[eye]
    put(
        eye=EYES.index(eye),
        ex=rng.uniform(0.33, 0.43),
        ey=rng.uniform(-0.14, 0.04),
        ew=sizes[0] * big,
        eh=sizes[1] * big,
        lash=float(rng.random() < 0.45),
        lid=rng.uniform(0.1, 0.45),
    )
    brow = p.hair if kind == "human" else shifted(p.skin, -0.25)
    put(
        brow=shifted(brow, -0.12),
        brow_y=face[FACE["eh"]] + rng.uniform(0.08, 0.16),
        brow_tilt=rng.normal(0, 0.22),
        brow_w=rng.uniform(0.035, 0.07) * float(rng.random() < 0.85),
    )
    mouth = choose(rng, {"smile": 0.4, "open": 0.2, "flat": 0.1, "o": 0.07, "grin": 0.13, "none": 0.1})
    put(
        mouth=MOUTHS.index(mouth),
        my=rng.uniform(-0.58, -0.46),
        mw=rng.uniform(0.16, 0.32),
        mouth_rgb=(0.55, 0.16, 0.2),
        curve=rng.uniform(0.1, 0.22),
    )
    put(blush=float(rng.random() < 0.45), freckles=float(rng.random() < 0.1 and kind == "human"))
    traits: dict[str, Any] = {"head": shape, "eyes": eye, "mouth": mouth}
    if rng.random() < 0.17:
        glasses = 1 + int(rng.choice(5, p=(0.32, 0.28, 0.16, 0.1, 0.14)))
        put(glasses=glasses, glasses_rgb=(p.outline, p.accent, p.dark)[int(rng.integers(3))] if glasses < 4 else _BLACK)
        traits["glasses"] = glasses
    if worn["outfit"] == "ninja":
        put(glasses=6, glasses_rgb=p.top)
    if kind == "animal":
        return face, traits | add_animal(k, rng, species, h, p, put, worn)
    return face, traits | _human_head(k, rng, species, h, p, put, worn)


def _human_head(
    k: Builder, rng: np.random.Generator, species: str, h: Skull, p: Palette, put: Any, worn: dict[str, Any]
) -> dict[str, Any]:
    skin = k.material(p.skin)
    pointed = species in ("goblin", "elf") or rng.random() < 0.03
    for _, sign in SIDES:
        if pointed:
            k.limb(
                "ears",
                "head",
                h.at(sign * 0.9, -0.1, -0.05),
                h.at(sign * 1.5, 0.3, -0.2),
                h.rx * 0.2,
                h.rx * 0.03,
                skin,
                SKIN,
                (1, 0.5),
            )
        else:
            k.ball("ears", "head", h.at(sign * 1.0, -0.1, -0.05), (h.rx * 0.17, h.ry * 0.2, h.rz * 0.13), skin, SKIN)
    nose = choose(rng, {"ball": 0.4, "none": 0.3, "dot": 0.2, "long": 0.1})
    if nose == "ball":
        k.ball(
            "face",
            "head",
            h.at(0, -0.22, 0.97),
            (h.rx * 0.1,) * 3,
            k.material(mix(p.skin, (0.9, 0.4, 0.35), 0.22)),
            SKIN,
        )
    elif nose == "long":
        k.limb(
            "face",
            "head",
            h.at(0, -0.15, 0.9),
            h.at(0, -0.24, 1.2),
            h.rx * 0.09,
            h.rx * 0.1,
            k.material(mix(p.skin, (0.9, 0.4, 0.35), 0.18)),
            SKIN,
        )
    elif nose == "dot":
        put(nose=1.0)
    beard = "none"
    if rng.random() < 0.13 and worn["outfit"] not in ("dress",):
        beard = choose(rng, ("full", "goatee", "moustache", "long"))
        hair = k.material(p.hair)
        if beard == "long":
            k.limb(
                "face",
                "head",
                h.at(0, -0.72, 0.45),
                h.at(0, -1.5, 0.62),
                h.rx * 0.52,
                h.rx * 0.12,
                hair,
                HAIR,
                (1, 0.6),
            )
        if beard == "moustache":
            for _, sign in SIDES:
                k.limb(
                    "face",
                    "head",
                    h.at(sign * 0.04, -0.4, 0.93),
                    h.at(sign * 0.42, -0.5, 0.84),
                    h.rx * 0.1,
                    h.rx * 0.03,
                    hair,
                    HAIR,
                )
        else:
            put(beard=1 if beard in ("full", "long") else 2, beard_rgb=p.hair)
    hat = choose_hat(rng, worn["outfit"])
    style = make_hair(k, rng, h, p, hat)
    if hat != "none":
        make_hat(k, rng, h, p, hat)
    return {"nose": nose, "beard": beard, "hair": style, "hat": hat, "ears": "pointed" if pointed else "round"}


def _robot_head(k: Builder, rng: np.random.Generator, h: Skull, p: Palette, put: Any) -> dict[str, Any]:
    shape = choose(rng, {"box": 0.5, "dome": 0.25, "tube": 0.25})
    metal, second = p.skin, p.top if difference(p.top, p.skin) > 0.15 else p.dark
    shell, plate = k.material(metal, gloss=1), k.material(second, gloss=1)
    glow: Colour = pick(rng, GLOW)
    if shape == "box":
        k.box("head", "head", h.centre, (h.rx * 1.02, h.ry * rng.uniform(0.72, 0.9), h.rz * 0.95), shell, SKIN, face=1)
    elif shape == "dome":
        k.ball("head", "head", h.centre, h.radii(1.0, 0.95), shell, SKIN, face=1)
    else:
        k.limb(
            "head",
            "head",
            h.at(0, -0.3, 0),
            h.at(0, 0.3, 0),
            h.rx * 0.9,
            h.rx * 0.9,
            shell,
            SKIN,
            (1, h.rz / h.rx),
            face=1,
        )
    eye = choose(rng, ("visor", "led", "mono", "round"))
    put(
        eye=EYES.index(eye),
        ex=rng.uniform(0.34, 0.44),
        ey=rng.uniform(0.02, 0.18),
        ew=rng.uniform(0.16, 0.24),
        eh=rng.uniform(0.16, 0.24),
        iris=glow,
        white=_WHITE,
        pupil=0.55,
        brow_w=0.0,
        lid=0.0,
    )
    mouth = choose(rng, {"grin": 0.4, "flat": 0.2, "smile": 0.2, "none": 0.2})
    put(mouth=MOUTHS.index(mouth), my=-0.48, mw=rng.uniform(0.22, 0.36), mouth_rgb=(0.12, 0.12, 0.16), curve=0.14)
    for _, sign in SIDES:
        k.limb("ears", "head", h.at(sign * 0.85, 0, 0), h.at(sign * 1.12, 0, 0), h.rx * 0.26, h.rx * 0.22, plate, EAR)
    top = choose(rng, {"antenna": 0.5, "two": 0.2, "fin": 0.15, "light": 0.15})
    roof = 0.8 if shape == "box" else 0.92
    rod, bulb = k.material((0.3, 0.3, 0.35)), k.material(glow)
    if top in ("antenna", "two"):
        for sign in (0,) if top == "antenna" else (-1, 1):
            tip = h.at(sign * 0.65, roof + 0.55, 0)
            k.limb("hat", "head", h.at(sign * 0.4, roof - 0.05, 0), tip, h.rx * 0.06, h.rx * 0.05, rod, HAT)
            k.ball("hat", "head", tip, h.radii(0.17), bulb, TRIM)
    elif top == "fin":
        k.limb(
            "hat",
            "head",
            h.at(0, roof - 0.1, 0.5),
            h.at(0, roof + 0.25, -0.6),
            h.rx * 0.22,
            h.rx * 0.3,
            plate,
            HAT,
            (0.5, 1),
        )
    else:
        k.ball("hat", "head", h.at(0, roof, 0), h.radii(0.3), bulb, HAT)
    return {
        "head": shape,
        "eyes": eye,
        "mouth": mouth,
        "hat": top,
        "hair": "none",
        "nose": "none",
        "beard": "none",
        "ears": "disc",
    }
