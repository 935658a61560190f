"""What a character wears: `dress` chooses garments, and body.py and garments.py build them."""

from __future__ import annotations

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


def dress(k: Builder, rng: np.random.Generator, kind: str, species: str, b: Build, p: Palette) -> dict[str, Any]:
    """Add torso, limbs, clothes, tail and accessories; returns the chosen traits."""
    outfit = choose(rng, _HUMAN_OUTFITS if kind == "human" else _ANIMAL_OUTFITS)
    bare = outfit == "bare"
    skin = k.material(p.skin, alt=p.skin)
    traits: dict[str, Any] = {"outfit": outfit}

    # the fabric of the top, with one thing on the chest
    emblem = {}
    if outfit in ("casual", "sporty", "hero", "knight") and rng.random() < (0.95 if outfit == "hero" else 0.35):
        names = ("disc", "star", "heart", "diamond", "cross", "bolt", "panel")
        emblem = {
            "emblem": choose(rng, names),
            "emblem_rgb": p.accent,
            "emblem_y": rng.uniform(0.5, 0.62),
            "emblem_size": rng.uniform(0.36, 0.52),
        }
    front = {}
    opening = choose(rng, {"none": 0.45, "v": 0.2, "buttons": 0.2, "open": 0.15})
    if not emblem and outfit in ("casual", "royal", "robe") and opening != "none":
        front = {
            "v": {"strip": p.skin, "strip_w": 0.55, "strip_v": 0.62, "strip_taper": 1.0},
            "buttons": {"strip": p.accent, "strip_w": 0.07, "strip_v": -1.0},
            "open": {"strip": p.light, "strip_w": 0.34, "strip_v": -1.0},
        }[opening]
    belly_light = mix(p.skin, (1, 0.97, 0.9), 0.6)
    if bare:
        top = k.material(p.skin, emblem="belly", emblem_rgb=belly_light, emblem_y=0.34, emblem_size=0.75)
        belly = k.material(p.skin, emblem="belly", emblem_rgb=belly_light, emblem_y=0.5, emblem_size=0.8)
        sleeve, pattern, top_group, bottom_group = skin, "plain", SKIN, SKIN
        bottom = k.material(p.skin)
    else:
        top_group, bottom_group = TOP, BOTTOM
        plain = 0.3 if not emblem and not front else 0.8
        plain = 1.0 if outfit in ("knight", "hero") else plain
        top, pattern = cloth(k, rng, p.top, p.light, plain, 1.0, **emblem, **front)
        same = {"alt": p.light}
        row = k.materials[top]
        belly = k.material(
            p.top, **same, **{n: v for n, v in front.items() if n.startswith("strip")} if opening != "v" else {}
        )
        k.materials[belly][6:9] = row[6:9]
        sleeve = k.material(p.top, **same)
        if pattern in ("rings", "plaid", "checks"):
            k.materials[sleeve][6:9] = row[6:9]
        belt = {}
        if rng.random() < 0.4 or outfit in ("hero", "knight", "ninja"):
            belt = {"high": p.accent if rng.random() < 0.5 else p.dark, "high_v": 0.62}
        bottom, _ = cloth(
            k, rng, p.bottom, shifted(p.bottom, 0.1 if oklab(p.bottom)[0] < 0.6 else -0.1), 0.85, 1.0, **belt
        )
    if outfit == "overalls":
        top_row = k.materials[top]
        top_row[21:24], top_row[24], top_row[25], top_row[26] = p.bottom, 0.62, -1.0, 0.0
        belly = k.material(p.bottom)
    if outfit in ("dress", "robe", "hero") and rng.random() < 0.8:
        bottom = k.material(shifted(p.top, -0.05) if outfit == "hero" else p.dark)

    add_torso(
        k,
        b,
        top,
        belly,
        bottom,
        top_group,
        bottom_group,
        belly_group=bottom_group if outfit == "overalls" else top_group,
    )
    add_neck(k, b, skin)

    # sleeves, hands
    sleeves = choose(rng, {"long": 0.4, "short": 0.4, "none": 0.1, "puffed": 0.1}) if not bare else "none"
    sleeves = {"robe": "wide", "knight": "long", "hero": "long", "royal": "puffed", "ninja": "long"}.get(
        outfit, sleeves
    )
    gloves = not bare and (outfit in ("hero", "knight", "ninja") or rng.random() < 0.2)
    glove = k.material(p.accent if rng.random() < 0.5 else p.dark) if gloves else skin
    cuff = k.material(p.light)
    for side, sign in SIDES:
        add_arm(
            k,
            b,
            side,
            sign,
            sleeves,
            skin,
            sleeve,
            top_group,
            glove if gloves else skin,
            GLOVE if gloves else SKIN,
            cuff,
        )

    # legs, shoes
    legs = choose(rng, {"trousers": 0.6, "shorts": 0.4}) if not bare else "bare"
    legs = {
        "dress": choose(rng, ("bare", "socks", "trousers")),
        "robe": "trousers",
        "knight": "trousers",
        "hero": "trousers",
        "overalls": "trousers",
        "sporty": "shorts",
        "ninja": "trousers",
    }.get(outfit, legs)
    shoes = "none" if bare and rng.random() < 0.7 else choose(rng, {"shoes": 0.55, "boots": 0.45})
    shoes = {"hero": "boots", "knight": "boots", "ninja": "boots"}.get(outfit, shoes)
    shoe_rgb = p.accent if outfit == "hero" else p.shoes
    shoe = (
        skin
        if shoes == "none"
        else k.material(
            shoe_rgb, alt=mix(shoe_rgb, (1, 1, 1), 0.75), pattern="plain", low=mix(shoe_rgb, (1, 1, 1), 0.7), low_v=-9
        )
    )
    sock = k.material(
        p.light if difference(p.light, p.skin) > 0.12 else p.dark,
        alt=p.top,
        pattern="rings" if rng.random() < 0.5 else "plain",
        fv=3,
    )
    for side, _ in SIDES:
        add_leg(k, b, side, legs, shoes, skin, bottom, bottom_group, shoe, sock)

    skirt = {"dress": "skirt", "robe": "robe", "royal": choose(rng, ("skirt", "tunic")), "knight": "tunic"}.get(
        outfit, "none"
    )
    if outfit == "casual" and rng.random() < 0.22:
        skirt = choose(rng, ("skirt", "tunic"))
    if skirt != "none":
        add_skirt(k, rng, b, p, skirt, top_group)

    cape: bool | str = (
        outfit in ("hero", "royal")
        and rng.random() < 0.75
        or outfit in ("robe", "knight", "ninja")
        and rng.random() < 0.35
    )
    if cape:
        add_cape(k, rng, b, p)
    elif rng.random() < 0.14:
        pack = k.material(p.accent, alt=p.dark, pattern=choose(rng, ("plain", "halves")), fv=2)
        k.box(
            "extra",
            "chest",
            (0, 0.2 * b.torso, -b.chest * b.thick - 0.05),
            (b.chest * 0.72, 0.26 * b.torso, 0.06),
            pack,
            EXTRA,
        )
        k.box(
            "extra",
            "chest",
            (0, 0.1 * b.torso, -b.chest * b.thick - 0.11),
            (b.chest * 0.45, 0.1 * b.torso, 0.03),
            k.material(p.light),
            TRIM,
        )
        cape = "pack"
    if outfit == "knight" or rng.random() < 0.04:
        pad = k.material(mix(p.light, (0.8, 0.82, 0.86), 0.6), gloss=1)
        for side, sign in SIDES:
            k.ball(
                "extra",
                f"{side}_shoulder",
                (sign * 0.012, 0.012, 0),
                (b.arm_r * 1.75, b.arm_r * 1.5, b.arm_r * 1.75),
                pad,
                EXTRA,
                plane=(0, -1, 0, 0.35),
            )
    if not bare and cape is False and rng.random() < 0.1:
        add_scarf(k, b, p)
        traits["scarf"] = True
    tail = add_tail(k, rng, species, b, p) if kind == "animal" else "none"
    return traits | {
        "pattern": pattern,
        "emblem": emblem.get("emblem", "none"),
        "opening": opening if front else "none",
        "sleeves": sleeves,
        "gloves": gloves,
        "legs": legs,
        "shoes": shoes,
        "skirt": skirt,
        "cape": cape,
        "tail": tail,
    }
