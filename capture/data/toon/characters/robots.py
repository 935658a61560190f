"""Robot bodies."""

from __future__ import annotations

from typing import Any

import numpy as np

from capture.data.toon.characters.garments import BOTTOM, EXTRA, GLOVE, JOINT, SHOE, SIDES, TOP, choose
from capture.data.toon.characters.palettes import Palette, difference, mix
from capture.data.toon.characters.proportions import Build
from capture.data.toon.characters.solids import Builder


def dress_robot(k: Builder, rng: np.random.Generator, b: Build, p: Palette) -> dict[str, Any]:
    """Boxes and tubes in metal, dark joints, a panel of lights."""
    metal, second = p.skin, p.top if difference(p.top, p.skin) > 0.15 else p.dark
    body = k.material(
        metal,
        gloss=1,
        emblem=choose(rng, ("panel", "disc", "heart", "bolt", "star")),
        emblem_rgb=p.hair,
        emblem_y=0.5,
        emblem_size=rng.uniform(0.4, 0.56),
        alt=second,
        pattern="halves" if rng.random() < 0.35 else "plain",
        fv=1,
    )
    plate, plain = k.material(second, gloss=1), k.material(metal, gloss=1)
    joint = k.material(mix((0.22, 0.23, 0.28), metal, 0.15))
    t = b.torso
    boxy = rng.random() < 0.6
    if boxy:
        k.box("chest", "chest", (0, 0.16 * t, 0), (b.chest * 1.12, 0.36 * t, b.chest * 0.85), body, TOP)
        k.box("pelvis", "pelvis", (0, 0, 0), (b.pelvis * 1.0, 0.2 * t, b.pelvis * 0.8), plate, BOTTOM)
    else:
        k.limb("chest", "chest", (0, 0.0, 0), (0, 0.18 * t, 0), b.chest * 0.95, b.chest * 1.12, body, TOP, (1, 0.85))
        k.ball("pelvis", "pelvis", (0, 0, 0), (b.pelvis, 0.22 * t, b.pelvis * 0.85), plate, BOTTOM)
    k.limb("belly", "spine", (0, -0.1 * t, 0), (0, 0.2 * t, 0), b.belly * 0.62, b.belly * 0.62, joint, JOINT)
    k.limb("neck", "neck", (0, -0.04, 0), (0, b.neck + 0.06, 0), b.arm_r * 0.8, b.arm_r * 0.8, joint, JOINT)
    thin, half = 0.62, 0.5 * b.arm
    hands = choose(rng, ("ball", "claw"))
    for side, sign in SIDES:
        arm, fore, hand = (f"{side}_{name}" for name in ("upper_arm", "forearm", "hand"))
        k.ball(arm, f"{side}_shoulder", (sign * 0.01, 0, 0), (b.arm_r * 1.5,) * 3, plate, EXTRA)
        k.limb(arm, f"{side}_shoulder", (0, 0, 0), (0, -half, 0), b.arm_r * thin, b.arm_r * thin, joint, JOINT)
        k.limb(fore, f"{side}_elbow", (0, 0, 0), (0, -half * 0.95, 0), b.arm_r * 0.85, b.arm_r * 1.25, plain, TOP)
        h = b.hand_r * 1.05
        if hands == "ball":
            k.ball(hand, f"{side}_wrist", (0, -0.6 * h, 0), (h, h, h), plate, GLOVE)
            k.limb(
                hand,
                f"{side}_wrist",
                (-sign * 0.3 * h, -0.5 * h, 0.5 * h),
                (-sign * 0.4 * h, -1.0 * h, 1.0 * h),
                h * 0.4,
                h * 0.36,
                plate,
                GLOVE,
            )
        else:
            for j, z in enumerate((-0.6, 0.6)):
                k.limb(
                    hand,
                    f"{side}_wrist",
                    (0, -0.1 * h, z * h * 0.5),
                    (0, -1.6 * h, z * h * 0.7),
                    h * 0.5,
                    h * 0.26,
                    plate if j else joint,
                    GLOVE,
                )
        thigh, shin, foot = (f"{side}_{name}" for name in ("thigh", "shin", "foot"))
        k.limb(thigh, f"{side}_hip", (0, 0, 0), (0, -0.5 * b.leg, 0), b.leg_r * 0.75, b.leg_r * 0.7, joint, JOINT)
        k.limb(
            shin, f"{side}_knee", (0, 0, 0), (0, -0.5 * b.leg, 0), b.leg_r * 0.9, b.leg_r * 1.2 * b.flare, plain, BOTTOM
        )
        f = b.foot_r
        k.box(
            foot,
            f"{side}_ankle",
            (0, -b.ankle + 0.62 * f, 0.2 * b.foot),
            (f * 1.1, 0.62 * f, 0.52 * b.foot),
            plate,
            SHOE,
        )
    if rng.random() < 0.25:
        pack = k.material(second, gloss=1)
        for _, sign in SIDES:
            k.limb(
                "extra",
                "chest",
                (sign * b.chest * 0.45, 0.0, -b.chest * 0.95),
                (sign * b.chest * 0.45, 0.3 * t, -b.chest * 0.95),
                0.04,
                0.035,
                pack,
                EXTRA,
            )
    return {"outfit": "robot", "boxy": boxy, "hands": hands, "pattern": "plain"}
