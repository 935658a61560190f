"""Animals on four legs: `make_quadruped` turns one integer seed into one animal, from a dachshund to a giraffe.

They have the joints that every character has: forelegs are arms, hind legs are legs, and the part of a hind leg below
the hock is the foot. Only training uses them (`toon_bodies`, capture.data.toon.styles.bodies).
"""

from __future__ import annotations

import math

import numpy as np

from capture.data.toon.characters.garments import EAR, EXTRA, HAIR, SIDES, SKIN, choose
from capture.data.toon.characters.palettes import INK, Colour, mix, pick
from capture.data.toon.characters.proportions import Build, floor_contacts
from capture.data.toon.characters.quadruped_shapes import (
    DARK,
    WHITE,
    Coat,
    Shape,
    animal_offsets,
    draw_coat,
    draw_shape,
)
from capture.data.toon.characters.solids import FACE_SIZE, Builder, Character

FIRST_SEED = 2**40  # seeds of quadrupeds start here; smaller ones are those of characters on two legs
_HORN: tuple[Colour, ...] = ((0.86, 0.8, 0.66), (0.45, 0.36, 0.28), (0.25, 0.22, 0.22), (0.62, 0.5, 0.36))


def make_quadruped(seed: int) -> Character:
    """The animal of this seed, which is at least FIRST_SEED: always the same one."""
    rng = np.random.default_rng([seed, 0x4F0])
    shape = draw_shape(rng)
    coat = draw_coat(rng)
    builder = Builder()
    _add_body(builder, rng, shape, coat)
    _add_head(builder, rng, shape, coat)
    _add_tail(builder, rng, shape, coat)
    build = shape.build
    contacts, frames = floor_contacts(build)
    return Character(
        seed=seed,
        traits={"kind": "quadruped", "species": "quadruped", "heads_tall": 1 / build.head, "build": build},
        offsets=animal_offsets(shape),
        geometry=np.array(builder.rows, np.float32),
        codes=np.array(builder.codes, np.int64),
        materials=np.array(builder.materials, np.float32),
        face=np.zeros(FACE_SIZE, np.float32),
        outline=INK[int(rng.integers(len(INK)))],
        height=build.leg + build.ankle + 0.6 * (build.neck + build.head),
        stature=float(rng.uniform(0.6, 0.8)),
        leg=build.leg,
        skirt_length=0.0,
        skirt_radius=0.0,
        cape_length=0.0,
        bounds=np.array(builder.bounds, np.float32),
        bound_frames=np.array(builder.bound_frames, np.int64),
        contacts=contacts,
        contact_frames=frames,
    )


def _add_body(k: Builder, rng: np.random.Generator, shape: Shape, coat: Coat) -> None:
    b, t = shape.build, shape.build.torso
    fur = k.material(coat.main, alt=mix(coat.main, coat.mane, 0.7), pattern=coat.pattern, fu=6, fv=3)
    under = k.material(coat.pale) if coat.pale != coat.main else fur
    low = -0.1 * b.chest  # the belly hangs a little to the front, which is down
    flat = (1, shape.deep)
    k.limb("chest", "chest", (0, -0.06 * t, 0), (0, 0.36 * t, 0), b.chest * 0.95, b.chest * 0.85, fur, SKIN, flat)
    belly = (b.belly, 0.42 * t, b.belly * shape.deep * shape.tuck)
    k.ball("belly", "spine", (0, 0.12 * t, low), belly, under, SKIN)
    k.limb("pelvis", "pelvis", (0, -0.06 * t, 0), (0, 0.2 * t, 0), b.pelvis * 0.85, b.pelvis, fur, SKIN, flat)
    top, (base, high) = shape.neck_end, shape.neck_r
    neck = k.material(coat.main) if rng.random() < 0.75 else k.material(coat.muzzle)
    k.limb("neck", "neck", (0, -0.1 * t, 0.15 * b.chest), top, base, high, neck, SKIN, (0.75, 1.0))
    if rng.random() < 0.35:  # a mane along the back of the neck
        hair = k.material(coat.mane)
        behind = np.array((0, top[2], -top[1])) / b.neck
        size = high * rng.uniform(0.5, 0.9)
        start, end = behind * base * 0.7, top + behind * high * 0.8
        k.limb("neck", "neck", start, end, size, size * 0.9, hair, HAIR, (0.45, 1.0), tuple(behind))
    legs, feet = k.material(coat.legs), k.material(coat.feet)
    for side, sign in SIDES:
        _add_foreleg(k, b, side, sign, fur, legs, feet)
        _add_hind_leg(k, b, side, fur, legs, feet, shape.hoofs)


def _add_foreleg(k: Builder, b: Build, side: str, sign: int, fur: int, legs: int, feet: int) -> None:
    half, r = 0.5 * b.arm, b.arm_r
    thin = r * b.flare
    top = (-sign * 0.2 * r, 0.1 * half, 0)
    k.limb(f"{side}_upper_arm", f"{side}_shoulder", top, (0, -half, 0), r * 1.35, thin * 1.15,
        fur, SKIN, (0.8, 1.15))  # fmt: skip
    k.limb(f"{side}_forearm", f"{side}_elbow", (0, 0, 0), (0, -half, 0), thin * 1.15, thin * 0.9, legs, SKIN)
    size = max(thin, b.hand_r)
    k.limb(f"{side}_hand", f"{side}_wrist", (0, 0, 0), (0, -1.2 * b.hand_r, 0), thin * 0.9, size, feet, SKIN)


def _add_hind_leg(k: Builder, b: Build, side: str, fur: int, legs: int, feet: int, hoofs: bool) -> None:
    half, r = 0.5 * b.leg, b.leg_r
    thin = r * b.flare
    k.limb(f"{side}_thigh", f"{side}_hip", (0, 0.05 * half, 0), (0, -half, 0), r * 1.6, r * 0.95,
        fur, SKIN, (0.7, 1.25))  # fmt: skip
    k.limb(f"{side}_shin", f"{side}_knee", (0, 0, 0), (0, -half, 0), r * 0.95, thin, legs, SKIN)
    size = max(thin * 0.95, 0.1 * b.ankle)
    low = -b.ankle + size
    foot, frame = f"{side}_foot", f"{side}_ankle"
    k.limb(foot, frame, (0, 0, 0), (0, low + 0.2 * size, 0), thin, thin * 0.85, legs, SKIN)
    toe = 0.15 if hoofs else 1.0
    k.limb(foot, frame, (0, low, -0.05 * b.foot), (0, low, toe * b.foot), size, size, feet, SKIN)


def _add_head(k: Builder, rng: np.random.Generator, shape: Shape, coat: Coat) -> None:
    b, r = shape.build, shape.skull
    fur = k.material(coat.main)
    drop = rng.uniform(0.0, 0.35)
    back = np.array((0.0, 0.25 * r, 0.1 * r))
    reach = max(b.head - 0.9 * r - shape.muzzle, 0.25 * r)
    nose = back + reach * np.array((0, -drop, 1.0)) / math.hypot(drop, 1.0)
    k.limb("head", "head", back, nose, r, shape.muzzle, fur, SKIN, (shape.muzzle_flat, 1.0), (0, 1, 0))
    if coat.muzzle != coat.main or rng.random() < 0.3:
        middle = back + (nose - back) * rng.uniform(0.7, 0.92)
        k.limb("face", "head", middle, nose, shape.muzzle * 1.08, shape.muzzle * 1.06, k.material(coat.muzzle), SKIN,
            (shape.muzzle_flat, 1.0), (0, 1, 0))  # fmt: skip
    ahead = (nose - back) / max(float(np.linalg.norm(nose - back)), 1e-6)
    tip = nose + ahead * shape.muzzle * 0.85 + np.array((0, 0.3 * shape.muzzle, 0))
    black = k.material(DARK)
    if rng.random() < 0.7:
        k.ball("face", "head", tip, (shape.muzzle * 0.45, shape.muzzle * 0.35, shape.muzzle * 0.35), black, EXTRA)
    size, white = r * rng.uniform(0.12, 0.26), k.material(WHITE)
    staring = rng.random() < 0.4
    for _, sign in SIDES:
        eye = back + np.array((sign * r * 0.86 * shape.muzzle_flat, 0.32 * r, 0.42 * r))
        k.ball("face", "head", eye, (size * 0.7, size, size), white if staring else black, EXTRA)
        if staring:
            pupil = eye + np.array((sign * size * 0.45, 0.0, size * 0.3))
            k.ball("face", "head", pupil, (size * 0.5, size * 0.6, size * 0.6), black, EXTRA)
    _add_ears(k, rng, r, back, coat)
    _add_horns(k, rng, r, back)


def _add_ears(k: Builder, rng: np.random.Generator, r: float, back: np.ndarray, coat: Coat) -> None:
    kind = choose(rng, {"pointed": 0.45, "long": 0.2, "round": 0.15, "lop": 0.2})
    out, up, wide, narrow = {
        "pointed": (rng.uniform(0.1, 0.7), rng.uniform(0.5, 0.9), 0.3, 0.08),
        "long": (rng.uniform(0.1, 0.9), rng.uniform(1.0, 1.7), 0.22, 0.1),
        "round": (0.25, 0.25, 0.34, 0.34),
        "lop": (rng.uniform(0.3, 0.7), -rng.uniform(0.4, 1.1), 0.22, 0.3),
    }[kind]
    fur = k.material(coat.mane if rng.random() < 0.35 else coat.main)
    for _, sign in SIDES:
        base = back + r * np.array((sign * 0.62, 0.72, -0.15))
        tip = base + r * np.array((sign * out, up, -0.15))
        k.limb("ears", "head", base, tip, r * wide, r * narrow, fur, EAR, (1, 0.5))


def _add_horns(k: Builder, rng: np.random.Generator, r: float, back: np.ndarray) -> None:
    kind = choose(rng, {"none": 0.66, "horns": 0.17, "antlers": 0.17})
    if kind == "none":
        return
    horn = k.material(pick(rng, _HORN))
    out, up, behind = rng.uniform(0.2, 1.0), rng.uniform(0.4, 1.2), rng.uniform(-0.5, 0.5)
    thick = r * rng.uniform(0.1, 0.18)
    for _, sign in SIDES:
        base = back + r * np.array((sign * 0.4, 0.85, -0.1))
        bend = base + r * np.array((sign * out, up * 0.7, behind))
        end = bend + r * np.array((sign * rng.uniform(-0.2, 0.5), up, behind - 0.2))
        k.limb("hat", "head", base, bend, thick, thick * 0.8, horn, EXTRA)
        k.limb("hat", "head", bend, end, thick * 0.8, thick * 0.35, horn, EXTRA)
        if kind == "antlers":
            for share in (0.35, 0.9):
                fork = base + (bend - base) * share
                point = fork + r * np.array((sign * 0.3, 0.6, 0.45 - 0.3 * share))
                k.limb("hat", "head", fork, point, thick * 0.65, thick * 0.3, horn, EXTRA)


def _add_tail(k: Builder, rng: np.random.Generator, shape: Shape, coat: Coat) -> None:
    b = shape.build
    kind = choose(rng, {"short": 0.25, "thin": 0.25, "bushy": 0.25, "hair": 0.25})
    root = np.array((0, -0.1 * b.torso, -0.55 * b.pelvis))
    fur, tip = k.material(coat.main), k.material(coat.mane)
    # down along the hind legs (z) where it hangs, away from the body (-y) where it is carried
    carried = rng.uniform(0.0, 1.0)
    along = np.array((rng.uniform(-0.15, 0.15), -0.35 - carried, 1.0 - 1.6 * carried))
    along /= np.linalg.norm(along)
    length = b.torso * {"short": 0.14, "thin": 0.6, "bushy": 0.65, "hair": 0.6}[kind] * rng.uniform(0.75, 1.2)
    if kind == "short":
        k.limb("tail", "pelvis", root, root + along * length, b.pelvis * 0.22, b.pelvis * 0.12, fur, SKIN)
        return
    middle, end = root + along * length * 0.5, root + along * length
    end = end + np.array((0, rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.15))) * length
    thin, full = b.pelvis * rng.uniform(0.1, 0.16), b.pelvis * rng.uniform(0.32, 0.55)
    if kind == "thin":
        k.limb("tail", "pelvis", root, middle, thin, thin * 0.8, fur, SKIN)
        k.limb("tail", "pelvis", middle, end, thin * 0.8, thin * rng.uniform(0.7, 2.2), tip, SKIN)
    elif kind == "bushy":
        k.limb("tail", "pelvis", root, middle, full * 0.45, full, fur, SKIN)
        k.limb("tail", "pelvis", middle, end, full, full * 0.35, tip if rng.random() < 0.5 else fur, SKIN)
    else:
        k.limb("tail", "pelvis", root, middle, full * 0.4, full * 0.55, tip, HAIR)
        k.limb("tail", "pelvis", middle, end, full * 0.55, full * 0.3, tip, HAIR)
