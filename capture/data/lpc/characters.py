"""Random characters composed of layers: a body, and hair and clothes that fit it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.data.lpc.pieces import Piece, Style, is_whole

# probability that a character has each slot, if something fits; in some repositories the head is part of the body
CHANCES = {
    "head": 1.0,
    "eyes": 0.5,
    "feet": 0.95,
    "legs": 0.95,
    "torso": 0.95,
    "hair": 0.9,
    "hat": 0.2,
    "belt": 0.15,
    "gloves": 0.15,
    "beard": 0.2,
}
BEARDED = ("male", "muscular")
ATTEMPTS = 50  # to find something that fits, and to find a new character


@dataclass(frozen=True)
class Character:
    """The layers of a character, from back to front."""

    name: str
    body: str
    pieces: tuple[Piece, ...]


def choose_characters(root: Path, styles: list[Style], count: int, seed: int) -> list[Character]:
    """`count` characters, no two alike; the same repository and seed give the same ones.

    Args:
        root: what the files of pieces are relative to.
    Raises:
        CaptureError: a layer is broken, or there are too few of them for so many characters.
    """
    closet = _Closet(root, styles)
    characters: list[Character] = []
    seen: set[tuple[Piece, ...]] = set()
    for number in tqdm(range(count), desc="choosing layers", unit="character", file=sys.stderr, disable=count < 20):
        for attempt in range(ATTEMPTS):
            body, pieces = closet.dress(np.random.default_rng([seed, 2, number, attempt]))
            if pieces and pieces not in seen:
                break
        else:
            raise CaptureError(
                f"{root}: too few layers for {count} different characters (after {number}); ask for fewer --characters"
            )
        seen.add(pieces)
        characters.append(Character(f"lpc_{number:05d}", body, pieces))
    return characters


class _Closet:
    """Styles by slot, and which of them have frames for every action."""

    def __init__(self, root: Path, styles: Iterable[Style]):
        self.root = root
        self.slots: dict[str, list[Style]] = {}
        for style in styles:
            self.slots.setdefault(style.slot, []).append(style)
        self.bodies = sorted({body for style in self.slots["body"] for body in style.bodies if self._fits(body)})
        self._whole: dict[tuple[Piece, ...], bool] = {}
        if not self.bodies:
            raise CaptureError(f"{root}: no body that its legs and torso clothes fit; is the repository complete?")

    def _fits(self, body: str) -> bool:
        """Whether a head and clothes fit a body, if the repository has any."""
        needed = (self.slots.get(slot, ()) for slot in ("head", "torso", "legs"))
        return all(not styles or any(body in style.bodies for style in styles) for styles in needed)

    def dress(self, rng: np.random.Generator) -> tuple[str, tuple[Piece, ...]]:
        """A random body with everything on it; no pieces if nothing fits."""
        body = self.bodies[rng.integers(len(self.bodies))]
        skin, pieces = self._choose("body", body, rng)
        if not pieces:
            return body, ()
        for slot, chance in CHANCES.items():
            wanted = rng.random() < chance and (slot != "beard" or body in BEARDED)
            if wanted and slot in self.slots:
                _, found = self._choose(slot, body, rng, skin)
                if slot == "head" and not found:
                    return body, ()
                pieces += found
        return body, tuple(sorted(pieces, key=lambda piece: piece.z))

    def _choose(
        self, slot: str, body: str, rng: np.random.Generator, skin: str | None = None
    ) -> tuple[str, tuple[Piece, ...]]:
        """A random style for a slot: its colour and pieces; no pieces if nothing fits."""
        styles = [style for style in self.slots[slot] if body in style.bodies]
        if slot == "body":  # every colour of a body is equally likely; for other slots every style is
            styles = [style for style in styles for _ in style.colours]
        for _ in range(ATTEMPTS if styles else 0):
            style = styles[rng.integers(len(styles))]
            colours = style.colours
            if style.skin and skin is not None:
                colours = tuple(colour for colour in colours if colour == skin)
            if colours:
                colour = colours[rng.integers(len(colours))]
                pieces = style.find(colour, body)
                if pieces and self._is_whole(pieces, slot == "body"):
                    return colour, pieces
        return "", ()

    def _is_whole(self, pieces: tuple[Piece, ...], body: bool) -> bool:
        if pieces not in self._whole:
            self._whole[pieces] = is_whole(self.root, pieces, body)
        return self._whole[pieces]
