"""Bones of rigged characters -> parts of bodies as toon numbers them.

Two bones of one part, such as a hand and its thumb, get cells of their own in its square, as toon's solids do: else
points of both would have one name.
"""

from __future__ import annotations

import functools
import re

from capture.data.iuv.remap import LEVELS, Renaming, identity, in_cell
from capture.data.mixamo.skeleton import canonical
from capture.data.toon.characters.solids import PARTS, SLOT_GRID

# canonical names -> part and cell; the first that fits
MIDDLE: tuple[tuple[str, str, int], ...] = (
    (r"hips?|pelvis", "pelvis", 0),
    (r"body", "pelvis", 1),  # Quaternius: what hips and thighs hang from
    (r"spine|abdomen|belly|stomach|waist", "belly", 0),
    (r"spine0*1|torso|chest", "chest", 0),
    (r"spine\d+|upperchest", "chest", 1),
    (r"neck\d*", "neck", 0),
    (r"head\d*|headtop", "head", 0),
    (r"tail\w*", "tail", 0),
    (r"hair\w*", "hair", 0),
)
# ... of bones with a side, which is taken off first; a part "_hand" is l_hand or r_hand, cells are left's and right's
SIDED: tuple[tuple[str, str, tuple[int, int]], ...] = (
    (r"shoulder|clavicle|collar", "chest", (2, 3)),
    (r"arm|upperarm", "_upper_arm", (0, 0)),
    (r"forearm|lowerarm", "_forearm", (0, 0)),
    (r"hand|fist|palm|wrist", "_hand", (0, 0)),
    (r"(hand)?thumb\d*", "_hand", (1, 1)),
    (r"(hand)?(index|middle)\d*", "_hand", (2, 2)),
    (r"(hand)?(ring|pinky|little|finger)\w*", "_hand", (3, 3)),
    (r"upleg|upperleg|thigh", "_thigh", (0, 0)),
    (r"leg|lowerleg|shin|calf", "_shin", (0, 0)),
    (r"foot|ankle", "_foot", (0, 0)),
    (r"toe\w*|ball", "_foot", (1, 1)),
    (r"ears?\d*", "ears", (0, 1)),
)
_SIDES = tuple(
    re.compile(pattern) for pattern in (r"(left|right)(.+)", r"(.+)(left|right)", r"(l|r)(.+)", r"(.+)(l|r)")
)
UNKNOWN = "extra"


def part_of(bone: str) -> tuple[str, int] | None:
    """The part that a bone moves, one of PARTS, and the cell of it; None where its name says nothing.

    Left is the character's left, as it is in toon.
    """
    name = canonical(bone)
    for pattern, part, cell in MIDDLE:
        if re.fullmatch(pattern, name):
            return part, cell
    for side, rest in _sides(name):
        for pattern, part, cells in SIDED:
            if re.fullmatch(pattern, rest):
                return (side + part if part.startswith("_") else part), cells[side == "r"]
    return ("ears", 0) if re.fullmatch(r"ears?\d*", name) else None


def _sides(name: str) -> list[tuple[str, str]]:
    """What may be meant: ("l" or "r", the name without it)."""
    found = [pattern.fullmatch(name) for pattern in _SIDES]
    pairs = [match.groups() if at % 2 == 0 else match.groups()[::-1] for at, match in enumerate(found) if match]
    return [(side[0], rest) for side, rest in pairs]


@functools.cache
def renaming_of(bones: tuple[str, ...]) -> Renaming:
    """Of maps whose part i is bones[i - 1], as capture.data.mixamo draws them, to toon's.

    Their u goes around a bone the other way than toon's.
    """
    new, unknown = identity(), 0
    new.part[1:] = PARTS.index(UNKNOWN) + 1  # numbers that no bone has
    for i, bone in enumerate(bones, 1):
        known = part_of(bone)
        part, cell = known or (UNKNOWN, unknown)
        unknown += known is None
        k = PARTS.index(part)
        grid = int(SLOT_GRID[k])
        row, column = divmod(cell % grid**2, grid)
        new.part[i] = k + 1
        new.u[i], new.v[i] = in_cell(255 - LEVELS, column, grid), in_cell(LEVELS, row, grid)
    return new
