"""Unusual bodies: heads of another size, and characters that stand on four legs.

The built-in characters are 2.2 to 6.2 heads tall and stand on two legs. Small pixel-art figures are often 1.7 heads
tall, and animals stand on four legs. A network that has never seen such bodies takes the outline of the driver for
that of the character. Only training uses unusual bodies (`toon_bodies`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from capture.data.styles.pairing import Styles
from capture.data.styles.style import PLAIN, Style
from capture.data.toon.motion.mixed_motions import FOURS, JOIN
from capture.data.toon.rendering.camera import Shot

_ON_FOURS = 0.4  # of the unusual samples; the others have heads of another size
_STAYS = 0.1  # share of the shots of a character on four legs that are as they were


def draw_bodies(rng: np.random.Generator, share: float, styles: Styles) -> tuple[Styles, bool]:
    """The styles of a sample, with unusual bodies by chance, and whether its characters stand on four legs.

    Args:
        share: how many samples have unusual bodies. Samples whose pictures are both plain have none.
    """
    if rng.random() >= share or all(style == PLAIN for style in styles):
        return styles, False
    fours = bool(rng.random() < _ON_FOURS)
    return Styles(*(_unusual(style, rng, fours) for style in styles)), fours


def _unusual(style: Style, rng: np.random.Generator, fours: bool) -> Style:
    if fours:  # heads of animals are small, and their legs mostly thin
        head, limbs = rng.uniform(0.55, 1.1), rng.uniform(0.35, 0.8) if rng.random() < 0.6 else 1.0
    else:
        head = rng.uniform(1.15, 1.75) if rng.random() < 0.8 else rng.uniform(0.7, 0.9)
        limbs = style.figure.limbs
    return replace(style, figure=replace(style.figure, head=float(head), limbs=float(limbs)))


def on_four_legs(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """Shots whose characters stand on four legs, but for a few of them."""
    made = []
    for shot in shots:
        first = shot.clip.split(JOIN)[0]
        stays = rng.random() < _STAYS
        made.append(shot if stays else replace(shot, clip=JOIN.join((first, first, FOURS))))
    return made
