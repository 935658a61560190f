"""`make_character`: one integer seed, one character."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from . import heads, robots, wardrobe
from .palettes import DYED, FANTASY_SKIN, FUR, GLOW, HAIR, METAL, NEUTRAL, SKIN, Palette, make_palette, pick
from .parts import CODES, FRAMES, GEOMETRY, QUADRIC, ROUND, Builder, Character
from .skeleton import INDEX, JOINTS, PARENTS


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


def _build(rng: np.random.Generator, kind: str) -> Build:
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


def _offsets(b: Build) -> np.ndarray:
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


def _contacts(b: Build) -> tuple[np.ndarray, np.ndarray]:
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


def _standing_height(geometry: np.ndarray, codes: np.ndarray, offsets: np.ndarray, sole: float) -> float:
    """Top of the highest solid in the rest pose, above the soles."""
    origin = np.zeros((len(JOINTS) + 3, 3))
    for joint in range(1, len(JOINTS)):
        origin[joint] = origin[PARENTS[joint]] + offsets[joint]
    head = INDEX["head"]
    origin[len(JOINTS) :] = origin[0], origin[INDEX["chest"]], origin[head] + 0.4526 * offsets[INDEX["head_top"]]
    rows, shape = geometry[:, 3:6], geometry[:, GEOMETRY["shape"]]
    reach = np.sqrt((rows**2).sum(1))
    start = origin[codes[:, CODES["frame"]], 1] + geometry[:, GEOMETRY["centre"]][:, 1]
    is_round = codes[:, CODES["kind"]] == ROUND
    end = start + shape[:, 0] * rows[:, 1]
    top = np.where(is_round, np.maximum(start + shape[:, 1] * reach, end + shape[:, 2] * reach), start + reach)
    is_cone = (codes[:, CODES["kind"]] == QUADRIC) & (shape[:, 0] != 1)
    top[is_cone] = start[is_cone] + np.maximum(rows[is_cone, 1], 0)
    return float(top.max() + sole - origin[INDEX["l_ankle"], 1])


def _length(geometry: np.ndarray, codes: np.ndarray, frame: str) -> float:
    """How far the cloth that hangs in this frame reaches below its joint."""
    rows = geometry[codes[:, CODES["frame"]] == FRAMES[frame]]
    return float(-(rows[:, 10] + rows[:, 4]).min()) if len(rows) else 0.0


def _radius(geometry: np.ndarray, codes: np.ndarray, frame: str) -> float:
    """Half depth of that cloth's hem, an open cone whose radius at the end is sqrt(-c0) + sqrt(-qy)."""
    rows = geometry[codes[:, CODES["frame"]] == FRAMES[frame]]
    hem = np.sqrt(-rows[:, 14]) + np.sqrt(-rows[:, 12])
    return float((hem * rows[:, 8]).max()) if len(rows) else 0.0


def _body_colours(rng: np.random.Generator, kind: str) -> tuple[str, Palette]:
    """Species and palette: skin is fur on animals and metal on robots."""
    if kind == "animal":
        species = list(FUR)[int(rng.integers(len(FUR)))]
        skin = pick(rng, FUR[species])
        return species, make_palette(rng, skin, skin)
    if kind == "robot":
        return "robot", make_palette(rng, pick(rng, METAL), pick(rng, GLOW if rng.random() < 0.5 else NEUTRAL))
    fantasy = rng.random() < 0.13
    species = "human" if not fantasy else ("goblin", "elf", "alien")[int(rng.integers(3))]
    skin = pick(rng, FANTASY_SKIN if fantasy else SKIN)
    hair = pick(rng, DYED if rng.random() < 0.3 else HAIR)
    return species, make_palette(rng, skin, hair)


@functools.lru_cache(maxsize=1024)
def make_character(seed: int) -> Character:
    """The character of this seed: always the same, and unlike the others."""
    rng = np.random.default_rng([seed, 0xC4A])
    kind = ("human", "animal", "robot")[rng.choice(3, p=(0.6, 0.25, 0.15))]
    build = _build(rng, kind)
    species, palette = _body_colours(rng, kind)
    builder = Builder()
    traits = {"kind": kind, "species": species, "heads_tall": 1 / build.head}
    if kind == "robot":
        traits |= robots.dress_robot(builder, rng, build, palette)
    else:
        traits |= wardrobe.dress(builder, rng, kind, species, build, palette)
    face, head_traits = heads.make_head(builder, rng, kind, species, build, palette, traits)
    traits |= head_traits
    traits["palette"] = palette
    traits["build"] = build
    contacts, contact_frames = _contacts(build)
    codes = np.array(builder.codes, np.int64)
    geometry, offsets = np.array(builder.rows, np.float32), _offsets(build)
    return Character(
        seed=seed,
        traits=traits,
        offsets=offsets,
        geometry=geometry,
        codes=codes,
        materials=np.array(builder.materials, np.float32),
        face=face,
        ink=palette.ink,
        height=_standing_height(geometry, codes, offsets, build.ankle),
        stature=float(rng.uniform(0.68, 0.76)),
        leg=build.leg,
        skirt_length=_length(geometry, codes, "skirt"),
        skirt_radius=_radius(geometry, codes, "skirt"),
        cape_length=_length(geometry, codes, "cape"),
        bounds=np.array(builder.bounds, np.float32),
        bound_frames=np.array(builder.bound_frames, np.int64),
        contacts=contacts,
        contact_frames=contact_frames,
    )
