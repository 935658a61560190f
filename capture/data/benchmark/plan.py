"""The plan of CaPTURe-Bench: its characters, its clips, and which pairs of pictures it asks for.

Everything follows from constants and from the seed of each pair, so the plan is the same for everybody. A change to it
must raise VERSION.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.data.toon.characters.character import make_character
from capture.data.toon.motion.motions import VARIED
from capture.data.toon.rendering.camera import Shot, View

NAME, VERSION = "CaPTURe-Bench", 2
SIZE = 128  # side of the pictures
PAIRS = 96  # of each kind
KINDS = ("same_proportions", "other_proportions", "turned_views")

# Held-out seeds, in couples with nearly equal proportions, from chibi to tall: robot and human, two humans, human and
# animal, animal and human, two humans, two humans. `proportions` of a couple differ by at most CLOSE.
COUPLES = ((1523, 1686), (2240, 2046), (2051, 1104), (1488, 1368), (166, 2243), (2497, 2469))
CHARACTERS = tuple(seed for couple in COUPLES for seed in couple)
CLOSE, FAR = 0.0125, 0.04  # of the body's height
HELD_OUT_CLIPS = VARIED[-4:]  # clap, kneel, fly, sit_chair: motions that training may not use
# without turn, which turns away from the camera, and fall, in which a picture does not show how large a figure is
TRAINING_CLIPS = tuple(clip for clip in VARIED[:-4] if clip not in ("turn", "fall"))
_MEASURES = (
    "head",
    "width",
    "torso",
    "shoulder",
    "chest",
    "belly",
    "hip",
    "pelvis",
    "arm",
    "arm_r",
    "leg",
    "leg_r",
    "foot",
)


@dataclass(frozen=True)
class PlannedPair:
    """The shots of a pair and the names of their pictures."""

    kind: str
    index: int
    identity: Shot
    pose: Shot

    @property
    def target(self) -> Shot:
        """The identity in the pose's shot: the true answer."""
        return self.pose.with_character(self.identity.character_seed)

    def shots(self) -> dict[str, Shot]:
        """Role -> shot."""
        return {"identity": self.identity, "pose": self.pose, "target": self.target}

    def name(self, role: str) -> str:
        """The file of a role: <character>__<clip>__<kind>_<index>_<role>.png."""
        shot = self.shots()[role]
        return f"toon_{shot.character_seed:05d}__{shot.clip}__{self.kind}_{self.index:03d}_{role}.png"


def plan_pairs(kind: str, count: int = PAIRS) -> list[PlannedPair]:
    """The first `count` pairs of a kind.

    Every character is the identity of every twelfth pair, and half of the poses are of held-out clips. Poses of
    `turned_views` are seen from 60 to 150 degrees further around than the identity; those of the other kinds, as all
    identities, from within 30 degrees of the front. Poses of `same_proportions` are taken by the other character of the
    couple, poses of the other kinds by a character whose proportions differ by at least FAR.
    """
    pairs = []
    for index in range(count):
        rng = np.random.default_rng([VERSION, KINDS.index(kind), index])
        character = CHARACTERS[index % len(CHARACTERS)]
        poser = partner(character) if kind == KINDS[0] else _pick(rng, unlike(character))
        clips = HELD_OUT_CLIPS if index // len(CHARACTERS) % 2 == 0 else TRAINING_CLIPS
        clip = _pick(rng, clips)
        standing = _pick(rng, [name for name in TRAINING_CLIPS if name not in (clip, *_LYING)])
        azimuth = float(rng.uniform(-30, 30))
        turn = float(rng.uniform(60, 150)) * (1 if rng.random() < 0.5 else -1)
        seen = azimuth + turn if kind == KINDS[2] else float(rng.uniform(-30, 30))
        identity = _shot(rng, character, standing, azimuth)
        pairs.append(PlannedPair(kind, index, identity, _shot(rng, poser, clip, seen)))
    return pairs


_LYING = ("crawl",)  # of which a picture shows too little of the character to be an identity


def partner(character: int) -> int:
    """The other character of a couple."""
    place = CHARACTERS.index(character)
    return CHARACTERS[place + 1 - 2 * (place % 2)]


def unlike(character: int) -> list[int]:
    """The characters whose proportions differ by FAR or more."""
    mine = proportions(character)
    return [other for other in CHARACTERS if np.abs(proportions(other) - mine).max() >= FAR]


def proportions(character: int) -> np.ndarray:
    """The measures of a character's body as shares of its height."""
    build = make_character(character).traits["build"]
    return np.array([getattr(build, name) for name in _MEASURES])


def _pick(rng: np.random.Generator, options: list | tuple):
    return options[int(rng.random() * len(options))]


def _shot(rng: np.random.Generator, character: int, clip: str, azimuth: float) -> Shot:
    """A shot at a random time, in a random style of the clip, from a random height of the camera."""
    style, time = int(rng.random() * 2**31), float(rng.random())
    return Shot(character, clip, style, time, View(azimuth, float(rng.uniform(0, 10)), float(rng.uniform(0.05, 0.2))))
