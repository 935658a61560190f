"""What a character wears: `dress` chooses garments, and body.py and garments.py build them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from capture.data.toon.characters.body import add_arm, add_leg, add_neck, add_torso
from capture.data.toon.characters.garments import (
    BOTTOM,
    EXTRA,
    GLOVE,
    SIDES,
    SKIN,
    TOP,
    TRIM,
    add_cape,
    add_scarf,
    add_skirt,
    add_tail,
    choose,
    cloth,
)
from capture.data.toon.characters.palettes import Palette, difference, mix, oklab, shifted
from capture.data.toon.characters.proportions import Build
from capture.data.toon.characters.solids import Builder

_HUMAN_OUTFITS = (
    "casual",
    "casual",
    "casual",
    "dress",
    "robe",
    "knight",
    "hero",
    "overalls",
    "sporty",
    "royal",
    "ninja",
)
_ANIMAL_OUTFITS = ("bare", "bare", "casual", "casual", "dress", "robe", "hero", "overalls", "sporty", "royal")


@dataclass
class Fabrics:
    """The materials of a body and its clothes, by their numbers, and what is on them.

    Attributes:
        skin, top, belly, bottom, sleeve: materials.
        top_group, bottom_group: the groups that outlines separate.
        pattern, emblem, opening: what the chest shows.
    """

    skin: int
    top: int
    belly: int
    bottom: int
    sleeve: int
    top_group: int = TOP
    bottom_group: int = BOTTOM
    pattern: str = "plain"
    emblem: str = "none"
    opening: str = "none"


def dress(k: Builder, rng: np.random.Generator, kind: str, species: str, b: Build, p: Palette) -> dict[str, Any]:
    """Add torso, limbs, clothes, tail and accessories; returns the chosen traits."""
    outfit = choose(rng, _HUMAN_OUTFITS if kind == "human" else _ANIMAL_OUTFITS)
    bare = outfit == "bare"
    fabrics = _choose_fabrics(k, rng, outfit, p)
    belly_group = fabrics.bottom_group if outfit == "overalls" else fabrics.top_group
    add_torso(
        k, b, fabrics.top, fabrics.belly, fabrics.bottom, fabrics.top_group, fabrics.bottom_group,
        belly_group=belly_group,
    )  # fmt: skip
    add_neck(k, b, fabrics.skin)
    sleeves, gloves = _add_arms(k, rng, outfit, b, p, fabrics)
    legs, shoes = _add_legs(k, rng, outfit, b, p, fabrics)
    skirt = _choose_skirt(rng, outfit)
    if skirt != "none":
        add_skirt(k, rng, b, p, skirt, fabrics.top_group)
    back = _add_on_back(k, rng, outfit, b, p)
    if outfit == "knight" or rng.random() < 0.04:
        _add_shoulder_pads(k, b, p)
    traits: dict[str, Any] = {"outfit": outfit}
    if not bare and back is False and rng.random() < 0.1:
        add_scarf(k, b, p)
        traits["scarf"] = True
    tail = add_tail(k, rng, species, b, p) if kind == "animal" else "none"
    return traits | {
        "pattern": fabrics.pattern,
        "emblem": fabrics.emblem,
        "opening": fabrics.opening,
        "sleeves": sleeves,
        "gloves": gloves,
        "legs": legs,
        "shoes": shoes,
        "skirt": skirt,
        "cape": back,
        "tail": tail,
    }


def _choose_fabrics(k: Builder, rng: np.random.Generator, outfit: str, p: Palette) -> Fabrics:
    skin = k.material(p.skin, alt=p.skin)
    emblem = _choose_emblem(rng, outfit, p)
    opening = choose(rng, {"none": 0.45, "v": 0.2, "buttons": 0.2, "open": 0.15})
    if emblem or outfit not in ("casual", "royal", "robe"):
        opening = "none"
    if outfit == "bare":
        return _fur(k, skin, p)
    fabrics = _clothes(k, rng, outfit, p, skin, emblem, opening)
    if outfit == "overalls":
        top_row = k.materials[fabrics.top]
        top_row[21:24], top_row[24], top_row[25], top_row[26] = p.bottom, 0.62, -1.0, 0.0
        fabrics.belly = k.material(p.bottom)
    if outfit in ("dress", "robe", "hero") and rng.random() < 0.8:
        fabrics.bottom = k.material(shifted(p.top, -0.05) if outfit == "hero" else p.dark)
    return fabrics


def _choose_emblem(rng: np.random.Generator, outfit: str, p: Palette) -> dict[str, Any]:
    """What a material needs for one thing on the chest; {} for none."""
    likely = 0.95 if outfit == "hero" else 0.35
    if outfit not in ("casual", "sporty", "hero", "knight") or rng.random() >= likely:
        return {}
    return {
        "emblem": choose(rng, ("disc", "star", "heart", "diamond", "cross", "bolt", "panel")),
        "emblem_rgb": p.accent,
        "emblem_y": rng.uniform(0.5, 0.62),
        "emblem_size": rng.uniform(0.36, 0.52),
    }


def _fur(k: Builder, skin: int, p: Palette) -> Fabrics:
    """An animal without clothes, with a light belly."""
    light = {"emblem": "belly", "emblem_rgb": mix(p.skin, (1, 0.97, 0.9), 0.6)}
    top = k.material(p.skin, **light, emblem_y=0.34, emblem_size=0.75)
    belly = k.material(p.skin, **light, emblem_y=0.5, emblem_size=0.8)
    return Fabrics(skin, top, belly, k.material(p.skin), skin, SKIN, SKIN)


def _clothes(
    k: Builder, rng: np.random.Generator, outfit: str, p: Palette, skin: int, emblem: dict[str, Any], opening: str
) -> Fabrics:
    front: dict[str, Any] = {
        "none": {},
        "v": {"strip": p.skin, "strip_w": 0.55, "strip_v": 0.62, "strip_taper": 1.0},
        "buttons": {"strip": p.accent, "strip_w": 0.07, "strip_v": -1.0},
        "open": {"strip": p.light, "strip_w": 0.34, "strip_v": -1.0},
    }[opening]
    plain = 0.3 if not emblem and not front else 0.8
    plain = 1.0 if outfit in ("knight", "hero") else plain
    top, pattern = cloth(k, rng, p.top, p.light, plain, 1.0, **emblem, **front)
    row = k.materials[top]
    belly = k.material(p.top, alt=p.light, **(front if opening != "v" else {}))
    k.materials[belly][6:9] = row[6:9]
    sleeve = k.material(p.top, alt=p.light)
    if pattern in ("rings", "plaid", "checks"):
        k.materials[sleeve][6:9] = row[6:9]
    belt = {}
    if rng.random() < 0.4 or outfit in ("hero", "knight", "ninja"):
        belt = {"high": p.accent if rng.random() < 0.5 else p.dark, "high_v": 0.62}
    other = shifted(p.bottom, 0.1 if oklab(p.bottom)[0] < 0.6 else -0.1)
    bottom, _ = cloth(k, rng, p.bottom, other, 0.85, 1.0, **belt)
    return Fabrics(
        skin, top, belly, bottom, sleeve, pattern=pattern, emblem=emblem.get("emblem", "none"), opening=opening
    )


def _add_arms(
    k: Builder, rng: np.random.Generator, outfit: str, b: Build, p: Palette, fabrics: Fabrics
) -> tuple[str, bool]:
    """Arms and hands; the kind of sleeves, and whether there are gloves."""
    bare = outfit == "bare"
    sleeves = choose(rng, {"long": 0.4, "short": 0.4, "none": 0.1, "puffed": 0.1}) if not bare else "none"
    sleeves = {"robe": "wide", "knight": "long", "hero": "long", "royal": "puffed", "ninja": "long"}.get(
        outfit, sleeves
    )
    gloves = not bare and (outfit in ("hero", "knight", "ninja") or rng.random() < 0.2)
    hand, group = fabrics.skin, SKIN
    if gloves:
        hand, group = k.material(p.accent if rng.random() < 0.5 else p.dark), GLOVE
    cuff = k.material(p.light)
    for side, sign in SIDES:
        add_arm(k, b, side, sign, sleeves, fabrics.skin, fabrics.sleeve, fabrics.top_group, hand, group, cuff)
    return sleeves, gloves


def _add_legs(
    k: Builder, rng: np.random.Generator, outfit: str, b: Build, p: Palette, fabrics: Fabrics
) -> tuple[str, str]:
    """Legs and feet; what is on the legs, and the kind of shoes."""
    bare = outfit == "bare"
    legs = choose(rng, {"trousers": 0.6, "shorts": 0.4}) if not bare else "bare"
    under_dress = choose(rng, ("bare", "socks", "trousers"))
    legs = {"dress": under_dress, "sporty": "shorts"}.get(outfit, legs)
    if outfit in ("robe", "knight", "hero", "overalls", "ninja"):
        legs = "trousers"
    shoes = "none" if bare and rng.random() < 0.7 else choose(rng, {"shoes": 0.55, "boots": 0.45})
    if outfit in ("hero", "knight", "ninja"):
        shoes = "boots"
    shoe = fabrics.skin
    if shoes != "none":
        colour = p.accent if outfit == "hero" else p.shoes
        light, lighter = (mix(colour, (1, 1, 1), share) for share in (0.7, 0.75))
        shoe = k.material(colour, alt=lighter, pattern="plain", low=light, low_v=-9)
    sock = k.material(
        p.light if difference(p.light, p.skin) > 0.12 else p.dark,
        alt=p.top,
        pattern="rings" if rng.random() < 0.5 else "plain",
        fv=3,
    )
    for side, _ in SIDES:
        add_leg(k, b, side, legs, shoes, fabrics.skin, fabrics.bottom, fabrics.bottom_group, shoe, sock)
    return legs, shoes


def _choose_skirt(rng: np.random.Generator, outfit: str) -> str:
    royal = choose(rng, ("skirt", "tunic"))
    skirt = {"dress": "skirt", "robe": "robe", "royal": royal, "knight": "tunic"}.get(outfit, "none")
    if outfit == "casual" and rng.random() < 0.22:
        skirt = choose(rng, ("skirt", "tunic"))
    return skirt


def _add_on_back(k: Builder, rng: np.random.Generator, outfit: str, b: Build, p: Palette) -> bool | str:
    """A cape, or by chance a pack; whether there is a cape, or "pack"."""
    cape = (
        outfit in ("hero", "royal")
        and rng.random() < 0.75
        or outfit in ("robe", "knight", "ninja")
        and rng.random() < 0.35
    )
    if cape:
        add_cape(k, rng, b, p)
        return True
    if rng.random() >= 0.14:
        return False
    pack = k.material(p.accent, alt=p.dark, pattern=choose(rng, ("plain", "halves")), fv=2)
    size, lid = (b.chest * 0.72, 0.26 * b.torso, 0.06), (b.chest * 0.45, 0.1 * b.torso, 0.03)
    behind = -b.chest * b.thick
    k.box("extra", "chest", (0, 0.2 * b.torso, behind - 0.05), size, pack, EXTRA)
    k.box("extra", "chest", (0, 0.1 * b.torso, behind - 0.11), lid, k.material(p.light), TRIM)
    return "pack"


def _add_shoulder_pads(k: Builder, b: Build, p: Palette) -> None:
    pad = k.material(mix(p.light, (0.8, 0.82, 0.86), 0.6), gloss=1)
    size = (b.arm_r * 1.75, b.arm_r * 1.5, b.arm_r * 1.75)
    for side, sign in SIDES:
        k.ball("extra", f"{side}_shoulder", (sign * 0.012, 0.012, 0), size, pad, EXTRA, plane=(0, -1, 0, 0.35))
