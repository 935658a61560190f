"""Unusual bodies: heads of another size, characters that stand on four legs, and animals that are made for it.

The built-in characters are 2.2 to 6.2 heads tall and stand on two legs. Small pixel-art figures are often 1.7 heads
tall, and animals stand on four legs. A network that has never seen such bodies takes the outline of the driver for
that of the character. Only training uses unusual bodies (`toon_bodies`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from capture.data.styles.pairing import Styles
from capture.data.styles.style import PLAIN, Style
from capture.data.toon.characters.quadrupeds import FIRST_SEED
from capture.data.toon.motion.mixed_motions import FOURS, JOIN, QUADRUPED
from capture.data.toon.rendering.camera import Shot

# Of the unusual samples; the others have heads of another size
_QUADRUPEDS = 0.45
_ON_FOURS = 0.1
_STAYS = 0.1  # share of the shots of a character on four legs that are as they were


def draw_bodies(rng: np.random.Generator, share: float, styles: Styles) -> tuple[Styles, str]:
    """The styles of a sample, with unusual bodies by chance, and the end of its motions' names.

    Args:
        share: how many samples have unusual bodies. Samples whose pictures are both plain have none.
    Returns:
        styles, and FOURS, QUADRUPED or nothing.
    """
    if rng.random() >= share or all(style == PLAIN for style in styles):
        return styles, ""
    kind = rng.random()
    end = QUADRUPED if kind < _QUADRUPEDS else FOURS if kind < _QUADRUPEDS + _ON_FOURS else ""
    return Styles(*(_unusual(style, rng, end) for style in styles)), end


def _unusual(style: Style, rng: np.random.Generator, end: str) -> Style:
    if end == QUADRUPED:
        head, limbs = rng.uniform(0.85, 1.2), rng.uniform(0.7, 1.2)
    elif end == FOURS:  # heads of animals are small, and their legs mostly thin
        head, limbs = rng.uniform(0.55, 1.1), rng.uniform(0.35, 0.8) if rng.random() < 0.6 else 1.0
    else:
        head = rng.uniform(1.15, 1.75) if rng.random() < 0.8 else rng.uniform(0.7, 0.9)
        limbs = rng.uniform(1.0, 1.7) if rng.random() < 0.4 else style.figure.limbs  # small figures are often stout
    hands = 1.0 if end else style.figure.hands  # those of four legs are paws and hoofs
    return replace(style, figure=replace(style.figure, head=float(head), limbs=float(limbs), hands=hands))


def on_four_legs(shots: list[Shot], end: str, rng: np.random.Generator) -> list[Shot]:
    """Shots whose characters stand on four legs, but for a few of them; of animals where `end` is QUADRUPED."""
    made = []
    for shot in shots:
        first = shot.clip.split(JOIN)[0]
        clip = JOIN.join((first, first, end))
        if end == QUADRUPED:
            made.append(replace(shot, clip=clip, character_seed=FIRST_SEED + shot.character_seed))
        else:
            made.append(shot if rng.random() < _STAYS else replace(shot, clip=clip))
    return made
