"""Proportions of a body: its measures, its joints, and the points that may touch the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.data.toon.skeleton import INDEX, JOINTS


@dataclass
class Build:
    """The measures of a body about one unit tall; lengths in that unit."""

    head: float  # height of the head
    width: float  # half width of the head
    depth: float  # half depth of the head
    neck: float
    torso: float  # pelvis to neck
    shoulder: float  # half distance of the shoulders
    chest: float  # half width of the rib cage
    belly: float
    hip: float  # half distance of the hips
    pelvis: float  # half width of the pelvis
    thick: float  # depth of the torso over its width
    arm: float  # shoulder to wrist
    arm_r: float
    hand_r: float
    leg: float  # hip to ankle
    leg_r: float
    ankle: float  # ankle above the sole
    foot: float  # length of the foot
    foot_r: float
    flare: float  # how much limbs widen outwards (cartoon hands and feet)


def draw_build(rng: np.random.Generator, kind: str) -> Build:
    """Proportions from chibi (2.2 heads tall) to lanky (6.2)."""
    low, high = ((2.2, 2.7), (2.6, 3.4), (3.3, 4.6), (4.8, 6.2))[rng.choice(4, p=(0.34, 0.36, 0.22, 0.08))]
    if kind != "human":
        high = min(high, 4.4)
        low = min(low, 3.2)
    heads_tall = rng.uniform(low, high)
    head = 1 / heads_tall
    rest = 1 - head
    slim = (3.0 / heads_tall) ** 0.4
    girth = float(np.clip(rng.normal(1.0, 0.17), 0.72, 1.45)) * slim
    leg_all = rest * rng.uniform(0.42, 0.56)
    leg_r = 0.058 * girth * rng.uniform(0.88, 1.12)
    foot_r = leg_r * rng.uniform(1.02, 1.35)
    ankle = foot_r * 1.25
    leg = leg_all - ankle
    neck = rest * rng.uniform(0.02, 0.07) if heads_tall > 3.2 else rest * 0.02
    torso = rest - leg_all - neck + head * 0.06
    shape = rng.choice(("straight", "v", "pear", "round"), p=(0.4, 0.24, 0.18, 0.18))
    chest = 0.125 * girth * {"straight": 1.0, "v": 1.18, "pear": 0.88, "round": 1.05}[shape]
    belly = 0.115 * girth * {"straight": 0.98, "v": 0.9, "pear": 1.06, "round": 1.36}[shape]
    pelvis = 0.112 * girth * {"straight": 1.0, "v": 0.9, "pear": 1.22, "round": 1.18}[shape]
    arm_r = leg_r * rng.uniform(0.7, 0.92)
    return Build(
        head=head,
        width=head * rng.uniform(0.44, 0.53),
        depth=head * rng.uniform(0.42, 0.49),
        neck=neck,
        torso=torso,
        shoulder=chest * 0.98,
        chest=chest,
        belly=belly,
        hip=pelvis * 0.56,
        pelvis=pelvis,
        thick=rng.uniform(0.68, 0.86) if shape != "round" else rng.uniform(0.84, 1.0),
        arm=(0.85 * torso + 0.34 * leg) * rng.uniform(0.92, 1.14),
        arm_r=arm_r,
        hand_r=arm_r * rng.uniform(1.1, 1.5),
        leg=leg,
        leg_r=leg_r,
        ankle=ankle,
        foot=leg_r * rng.uniform(2.1, 3.0),
        foot_r=foot_r,
        flare=rng.uniform(0.78, 1.12),
    )


def joint_offsets(b: Build) -> np.ndarray:
    """Rest positions of the joints in their parents' frames."""
    offsets = np.zeros((len(JOINTS), 3), np.float32)

    def put(name: str, *at: float) -> None:
        offsets[INDEX[name]] = at

    put("spine", 0, 0.22 * b.torso, 0)
    put("chest", 0, 0.3 * b.torso, 0)
    put("neck", 0, 0.48 * b.torso, 0)
    put("head", 0, b.neck, 0)
    put("head_top", 0, b.head * 0.95, 0)
    for side, sign in (("l", 1), ("r", -1)):
        put(f"{side}_shoulder", sign * b.shoulder, 0.48 * b.torso - b.arm_r * 1.15, 0)
        put(f"{side}_elbow", 0, -0.5 * b.arm, 0)
        put(f"{side}_wrist", 0, -0.5 * b.arm, 0)
        put(f"{side}_hand", 0, -1.5 * b.hand_r, 0)
        put(f"{side}_hip", sign * b.hip, 0, 0)
        put(f"{side}_knee", 0, -0.5 * b.leg, 0)
        put(f"{side}_ankle", 0, -0.5 * b.leg, 0)
        put(f"{side}_toe", 0, -0.55 * b.ankle, 0.62 * b.foot)
    return offsets


def floor_contacts(b: Build) -> tuple[np.ndarray, np.ndarray]:
    """Spheres that may rest on the floor; the soles first (points)."""
    rows: list[tuple[str, float, float, float, float]] = []
    for side in "lr":
        rows.append((f"{side}_ankle", 0, -b.ankle, -0.25 * b.foot, 0))
        rows.append((f"{side}_ankle", 0, -b.ankle, 0.7 * b.foot, 0))
    for side in "lr":
        rows.append((f"{side}_knee", 0, 0, 0, b.leg_r * 0.95))
        rows.append((f"{side}_elbow", 0, 0, 0, b.arm_r))
        rows.append((f"{side}_wrist", 0, -b.hand_r * 0.7, 0, b.hand_r))
        rows.append((f"{side}_hip", 0, 0, 0, b.pelvis * 0.62))
    rows.append(("chest", 0, 0.2 * b.torso, 0, b.chest * b.thick))
    rows.append(("head", 0, 0.45 * b.head, 0, b.depth))
    return np.array([row[1:] for row in rows], np.float32), np.array([INDEX[row[0]] for row in rows])
