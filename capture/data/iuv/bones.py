"""Which body part a bone of a rigged character belongs to, from the bone's name.

Two bones of one part, such as a hand and its thumb, get different cells of the part's square. In one cell, points of
both bones would have the same coordinates.
"""

from __future__ import annotations

import functools
import re

from capture.data.iuv.remap import LEVELS, Renumbering, identity, in_cell
from capture.data.mixamo.skeleton import canonical
from capture.io.iuv import PARTS, SLOT_GRID

# (pattern of the bone's canonical name, part, cell); the first pattern that matches counts
MIDDLE: tuple[tuple[str, str, int], ...] = (
    (r"hips?|pelvis", "pelvis", 0),
    (r"body", "pelvis", 1),  # the parent of hips and thighs in Quaternius' characters
    (r"back", "belly", 1),  # the part of an animal's spine that its hind legs hang on
    (r"spine|abdomen|belly|stomach(tip)?|waist", "belly", 0),
    (r"spine0*1|torso|chest", "chest", 0),
    (r"spine\d+|torso\d+|upperchest|shoulders", "chest", 1),
    (r"neck\d*", "neck", 0),
    (r"head\d*|headtop|headtip", "head", 0),
    (r"(chin|jaw)(tip)?", "face", 0),
    (r"tail\w*", "tail", 0),
    (r"hair\w*", "hair", 0),
)
# Of animals: front legs count as arms and hind legs as legs, as those of built-in characters on four legs do.
_FRONT, _HIND = r"(front|fore)(leg)?", r"(back|hind|rear)(leg)?"
# The same for bones of one side, whose side is removed before matching. "_hand" stands for l_hand and r_hand; the cells
# are those of the left bone and of the right one.
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
    (r"ears?(tip)?\d*", "ears", (0, 1)),
    (rf"{_FRONT}(shoulder|clavicle)", "chest", (2, 3)),
    (rf"{_FRONT}(up|upper)(leg)?", "_upper_arm", (0, 0)),
    (r"(front|fore)leg", "_upper_arm", (1, 1)),  # in some skeletons the parent of the upper one
    (rf"{_FRONT}(low|lower)(leg)?", "_forearm", (0, 0)),
    (rf"{_FRONT}ankle", "_hand", (0, 0)),
    (rf"{_FRONT}(foot|paw|hoof)\d*", "_hand", (1, 1)),
    (rf"{_FRONT}(tip|toe)\w*", "_hand", (2, 2)),
    (rf"{_HIND}(pelvis|hip|shoulder)", "pelvis", (2, 3)),
    (rf"{_HIND}(up|upper)(leg)?", "_thigh", (0, 0)),
    (r"(back|hind|rear)leg", "_thigh", (1, 1)),
    (rf"{_HIND}(low|lower)(leg)?", "_shin", (0, 0)),
    (rf"{_HIND}ankle", "_foot", (0, 0)),
    (rf"{_HIND}(foot|paw|hoof)\d*", "_foot", (1, 1)),
    (rf"{_HIND}(tip|toe)\w*", "_foot", (2, 2)),
)
_SIDES = tuple(
    re.compile(pattern) for pattern in (r"(left|right)(.+)", r"(.+)(left|right)", r"(l|r)(.+)", r"(.+)(l|r)")
)
UNKNOWN = "extra"


def part_of(bone: str) -> tuple[str, int] | None:
    """The part of PARTS that a bone moves, and the cell in its square; None if the name is unknown.

    Left and right are the character's own.
    """
    # Mesh2Motion's last bone of a chain belongs to the chain: head_leaf moves the whole head
    name = re.sub(r"leaf(?=[lr]?$)", "", canonical(bone))
    for pattern, part, cell in MIDDLE:
        if re.fullmatch(pattern, name):
            return part, cell
    for side, rest in _sides(name):
        for pattern, part, cells in SIDED:
            if re.fullmatch(pattern, rest):
                return (side + part if part.startswith("_") else part), cells[side == "r"]
    return ("ears", 0) if re.fullmatch(r"ears?\d*", name) else None


def _sides(name: str) -> list[tuple[str, str]]:
    """The ways to read a name as a side, "l" or "r", and the rest of the name."""
    matches = [pattern.fullmatch(name) for pattern in _SIDES]
    pairs = [match.groups() if at % 2 == 0 else match.groups()[::-1] for at, match in enumerate(matches) if match]
    return [(side[0], rest) for side, rest in pairs]


@functools.cache
def renumbering_of(bones: tuple[str, ...]) -> Renumbering:
    """From maps whose part i is bones[i - 1], as capture.data.mixamo renders them, to the parts of capture.io.iuv.

    u runs around a bone in the opposite direction there. The neck of an animal without a neck bone is its upper spine,
    as in Mesh2Motion's animals.
    """
    new, unknown = identity(), 0
    names = [canonical(bone) for bone in bones]
    spine_is_neck = any(name.startswith("frontleg") for name in names) and not any("neck" in name for name in names)
    new.part[1:] = PARTS.index(UNKNOWN) + 1  # numbers without a bone
    for i, bone in enumerate(bones, 1):
        known = part_of(bone)
        if spine_is_neck and (spine := re.fullmatch(r"spine([134])", names[i - 1])):
            known = ("belly", 1) if spine[1] == "1" else ("neck", int(spine[1]) - 3)
        part, cell = known or (UNKNOWN, unknown)
        unknown += known is None
        k = PARTS.index(part)
        grid = int(SLOT_GRID[k])
        row, column = divmod(cell % grid**2, grid)
        new.part[i] = k + 1
        new.u[i], new.v[i] = in_cell(255 - LEVELS, column, grid), in_cell(LEVELS, row, grid)
    return new
