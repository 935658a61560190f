"""Shapes and coats of animals on four legs, drawn at random: see capture.data.toon.characters.quadrupeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capture.data.toon.characters.garments import choose
from capture.data.toon.characters.palettes import DYED, FUR, Colour, mix, oklab, pick, shifted
from capture.data.toon.characters.proportions import Build, joint_offsets
from capture.data.toon.skeleton import INDEX

_COAT = tuple(
    colour for name in ("dog", "bear", "fox", "wolf", "mouse", "elephant", "pig") for colour in FUR[name]
)  # fmt: skip
DARK: Colour = (0.13, 0.11, 0.12)
WHITE: Colour = (0.97, 0.96, 0.93)


@dataclass
class Shape:
    """Measures of an animal, beside those of Build; lengths in its unit, angles in degrees."""

    build: Build
    deep: float  # depth of the rib cage over its width
    tuck: float  # thickness of the belly over that of the rib cage
    neck_tilt: float  # of the neck at rest, away from the line of the back
    neck_r: tuple[float, float]  # radii at its base and at the head
    skull: float  # radius of the head at the back
    muzzle: float  # radius at the nose
    muzzle_flat: float  # width of the head over its depth
    hoofs: bool

    @property
    def neck_end(self) -> np.ndarray:
        """Where the head begins (3,), from where the neck does, in the frame of the neck at rest."""
        tilt = math.radians(self.neck_tilt)
        return np.array((0, self.build.neck * math.cos(tilt), -self.build.neck * math.sin(tilt)))


def draw_shape(rng: np.random.Generator) -> Shape:
    """The measures of a random animal."""
    torso = rng.uniform(0.42, 0.6)
    hoofs = bool(rng.random() < 0.6)
    tall = torso * (rng.uniform(0.7, 1.15) if hoofs else rng.uniform(0.42, 0.95))
    ankle = tall * (rng.uniform(0.24, 0.36) if hoofs else rng.uniform(0.12, 0.3))
    chest = torso * rng.uniform(0.15, 0.25)
    neck = torso * (rng.uniform(0.3, 0.85) if hoofs else rng.uniform(0.12, 0.4))
    head = torso * rng.uniform(0.34, 0.54) * (1.25 if rng.random() < 0.2 else 1.0)
    skull = head * (rng.uniform(0.21, 0.31) if hoofs else rng.uniform(0.25, 0.46))
    stout = rng.uniform(0.6, 1.0) if hoofs else rng.uniform(0.8, 1.5)
    leg_r = chest * 0.42 * stout
    # forelegs (arm and hand) reach as far down as hind legs, of which what is below the hock counts as the foot
    build = Build(
        head=head, width=skull, depth=skull, neck=neck, torso=torso, shoulder=chest * 0.62, chest=chest,
        belly=chest * rng.uniform(0.85, 1.1), hip=chest * 0.55, pelvis=chest * rng.uniform(0.8, 1.0), thick=1.0,
        arm=(tall - ankle) * 0.98 + ankle * 0.72, arm_r=leg_r * rng.uniform(0.8, 1.0), hand_r=ankle * 0.14,
        leg=tall - ankle, leg_r=leg_r, ankle=ankle, foot=leg_r * rng.uniform(0.9, 1.5),
        foot_r=leg_r * rng.uniform(0.5, 0.7), flare=rng.uniform(0.38, 0.62) if hoofs else rng.uniform(0.55, 0.95),
    )  # fmt: skip
    return Shape(
        build=build,
        deep=rng.uniform(1.05, 1.5),
        tuck=rng.uniform(0.72, 1.05),
        neck_tilt=rng.uniform(25, 70) if neck > 0.3 * torso else rng.uniform(5, 45),
        neck_r=(chest * rng.uniform(0.6, 0.95), skull * rng.uniform(0.55, 0.85)),
        skull=skull,
        muzzle=skull * rng.uniform(0.35, 0.72),
        muzzle_flat=rng.uniform(0.75, 1.1),
        hoofs=hoofs,
    )


def animal_offsets(shape: Shape) -> np.ndarray:
    """Rest positions (J, 3) of the joints in their parents' frames."""
    build, offsets = shape.build, joint_offsets(shape.build)
    offsets[INDEX["neck"]] = (0, 0.46 * build.torso, -0.35 * build.chest)  # z points to the belly
    offsets[INDEX["head"]] = shape.neck_end
    for side in "lr":
        offsets[INDEX[f"{side}_shoulder"], 2] = 0.3 * build.chest
    return offsets


@dataclass
class Coat:
    """Colours of an animal."""

    main: Colour
    pale: Colour
    legs: Colour
    feet: Colour
    muzzle: Colour
    mane: Colour
    pattern: str


def draw_coat(rng: np.random.Generator) -> Coat:
    """The colours of a random animal."""
    main = pick(rng, DYED) if rng.random() < 0.12 else pick(rng, _COAT)
    main = shifted(main, float(rng.uniform(-0.25, 0.05)), float(rng.uniform(0.5, 1.2)))
    dark = shifted(main, -0.25, 0.8) if oklab(main)[0] > 0.4 else shifted(main, 0.2)
    pale = mix(main, WHITE, float(rng.uniform(0.4, 0.9)))
    kinds = {"same": 0.5, "dark": 0.25, "pale": 0.25}
    tones = {"same": main, "dark": dark, "pale": pale}
    legs = tones[choose(rng, kinds)]
    return Coat(
        main=main,
        pale=pale if rng.random() < 0.35 else main,
        legs=legs,
        feet=DARK if rng.random() < 0.6 else tones[choose(rng, kinds)],
        muzzle=tones[choose(rng, kinds)],
        mane=tones[choose(rng, {"same": 0.2, "dark": 0.5, "pale": 0.3})],
        pattern=choose(rng, {"plain": 0.75, "dots": 0.06, "rings": 0.08, "diamonds": 0.05, "halves": 0.06}),
    )
