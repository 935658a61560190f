"""The pieces of a body: torso, neck, arms, legs, with the sleeves, gloves, trousers and shoes on them."""

from __future__ import annotations

from capture.data.toon.characters.garments import GLOVE, SHOE, SKIN, TRIM
from capture.data.toon.characters.proportions import Build
from capture.data.toon.characters.solids import Builder


def add_torso(
    k: Builder, b: Build, top: int, belly: int, bottom: int, top_group: int, bottom_group: int, belly_group: int
) -> None:
    """Chest, belly and pelvis: three overlapping solids that bend with the spine."""
    t = b.torso
    high = 0.48 * t - 0.8 * b.chest
    k.limb(
        "chest",
        "chest",
        (0, min(-0.02 * t, high - 0.02), 0),
        (0, high, 0),
        (b.belly + b.chest) * 0.47,
        b.chest,
        top,
        top_group,
        (1, b.thick),
    )
    k.ball("belly", "spine", (0, 0.1 * t, 0.01 * t), (b.belly, 0.36 * t, b.belly * b.thick), belly, belly_group)
    k.ball(
        "pelvis",
        "pelvis",
        (0, 0.0, 0),
        (b.pelvis, max(0.25 * t, b.leg_r * 1.1), b.pelvis * max(b.thick, 0.8)),
        bottom,
        bottom_group,
    )


def add_neck(k: Builder, b: Build, skin: int) -> None:
    k.limb("neck", "neck", (0, -0.05, 0), (0, b.neck + 0.1 * b.head, 0), b.arm_r * 0.95, b.arm_r * 0.9, skin, SKIN)


def add_arm(
    k: Builder,
    b: Build,
    side: str,
    sign: int,
    sleeves: str,
    skin: int,
    sleeve: int,
    top_group: int,
    hand: int,
    hand_group: int,
    cuff: int,
) -> None:
    half, r = 0.5 * b.arm, b.arm_r
    r_end = r * b.flare
    mid = (r + r_end) / 2
    covered = sleeves in ("long", "wide")
    upper, upper_group = (sleeve, top_group) if covered else (skin, SKIN)
    k.limb(f"{side}_upper_arm", f"{side}_shoulder", (0, 0, 0), (0, -half, 0), r * 1.12, mid, upper, upper_group)
    k.limb(f"{side}_forearm", f"{side}_elbow", (0, 0, 0), (0, -half, 0), mid, r_end, upper, upper_group)
    if sleeves == "short":
        k.limb(
            f"{side}_upper_arm",
            f"{side}_shoulder",
            (0, 0, 0),
            (0, -0.5 * half, 0),
            r * 1.26,
            r * 1.3,
            sleeve,
            top_group,
        )
    if sleeves == "puffed":
        k.ball(
            f"{side}_upper_arm",
            f"{side}_shoulder",
            (0, -0.22 * half, 0),
            (r * 1.75, r * 1.6, r * 1.75),
            sleeve,
            top_group,
        )
    if sleeves == "wide":
        k.cone(
            f"{side}_forearm",
            f"{side}_elbow",
            (0, 0.02, 0),
            (0, -0.95 * half, 0),
            mid * 1.05,
            r * 2.1,
            sleeve,
            top_group,
        )
    if hand_group == GLOVE:
        k.limb(
            f"{side}_forearm",
            f"{side}_elbow",
            (0, -0.72 * half, 0),
            (0, -half, 0),
            r_end * 1.32,
            r_end * 1.15,
            hand,
            GLOVE,
        )
    elif covered and sleeves == "long":
        k.limb(
            f"{side}_forearm",
            f"{side}_elbow",
            (0, -0.9 * half, 0),
            (0, -0.96 * half, 0),
            r_end * 1.16,
            r_end * 1.16,
            cuff,
            TRIM,
        )
    h = b.hand_r
    part = f"{side}_hand"
    k.ball(part, f"{side}_wrist", (0, -0.72 * h, 0), (h * 0.86, h * 1.08, h * 0.98), hand, hand_group)
    k.limb(
        part,
        f"{side}_wrist",
        (-sign * 0.3 * h, -0.5 * h, 0.5 * h),
        (-sign * 0.45 * h, -0.95 * h, 1.0 * h),
        h * 0.38,
        h * 0.34,
        hand,
        hand_group,
    )


def add_leg(
    k: Builder,
    b: Build,
    side: str,
    legs: str,
    shoes: str,
    skin: int,
    bottom: int,
    bottom_group: int,
    shoe: int,
    sock: int,
) -> None:
    half, r = 0.5 * b.leg, b.leg_r
    r_knee, r_end = r * (1 + b.flare) / 2 * 0.92, r * b.flare * 0.86
    covered = legs == "trousers"
    material, group = (bottom, bottom_group) if covered else (skin, SKIN)
    thigh, shin, foot = (f"{side}_{name}" for name in ("thigh", "shin", "foot"))
    k.limb(thigh, f"{side}_hip", (0, 0, 0), (0, -half, 0), r * 1.12, r_knee, material, group)
    k.limb(shin, f"{side}_knee", (0, 0, 0), (0, -half, 0), r_knee, r_end, material, group)
    if legs == "shorts":
        k.limb(thigh, f"{side}_hip", (0, 0, 0), (0, -0.62 * half, 0), r * 1.2, r_knee * 1.25, bottom, bottom_group)
    if legs == "socks":
        k.limb(shin, f"{side}_knee", (0, -0.35 * half, 0), (0, -half, 0), r_knee * 1.06, r_end * 1.08, sock, TRIM)
    if shoes == "boots":
        k.limb(
            shin, f"{side}_knee", (0, -0.5 * half, 0), (0, -half, 0), max(r_knee, r_end) * 1.2, r_end * 1.15, shoe, SHOE
        )
    f, frame = b.foot_r, f"{side}_ankle"
    back, toe = f * 0.95, f * (1.05 if shoes != "none" else 0.95)
    k.limb(
        foot,
        frame,
        (0, -b.ankle + 0.84 * back, -0.1 * b.foot),
        (0, -b.ankle + 0.84 * toe, 0.5 * b.foot),
        back,
        toe,
        shoe,
        SKIN if shoes == "none" else SHOE,
        (1.02, 0.84),
        (0, 1, 0),
    )
