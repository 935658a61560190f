"""`make_character`: one integer seed, one character."""

from __future__ import annotations

import functools

import numpy as np

from capture.data.toon.characters import heads, robots, wardrobe
from capture.data.toon.characters.palettes import (
    DYED,
    FANTASY_SKIN,
    FUR,
    GLOW,
    HAIR,
    METAL,
    NEUTRAL,
    SKIN,
    Palette,
    make_palette,
    pick,
)
from capture.data.toon.characters.proportions import draw_build, floor_contacts, joint_offsets
from capture.data.toon.characters.quadrupeds import FIRST_SEED, make_quadruped
from capture.data.toon.characters.solids import CODES, FRAMES, GEOMETRY, QUADRIC, ROUND, Builder, Character
from capture.data.toon.skeleton import INDEX, JOINTS, PARENTS


def standing_height(geometry: np.ndarray, codes: np.ndarray, offsets: np.ndarray, sole: float) -> float:
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
    """The character of this seed: always the same, and unlike the others. Seeds from FIRST_SEED on are quadrupeds."""
    if seed >= FIRST_SEED:
        return make_quadruped(seed)
    rng = np.random.default_rng([seed, 0xC4A])
    kind = ("human", "animal", "robot")[rng.choice(3, p=(0.6, 0.25, 0.15))]
    build = draw_build(rng, kind)
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
    contacts, contact_frames = floor_contacts(build)
    codes = np.array(builder.codes, np.int64)
    geometry, offsets = np.array(builder.rows, np.float32), joint_offsets(build)
    return Character(
        seed=seed,
        traits=traits,
        offsets=offsets,
        geometry=geometry,
        codes=codes,
        materials=np.array(builder.materials, np.float32),
        face=face,
        outline=palette.outline,
        height=standing_height(geometry, codes, offsets, build.ankle),
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
