"""Whether a clip fits a character: by the names of their bones."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHARE = 0.8  # of the smaller skeleton's bones that both must have
FEWEST = 5  # bones in common: less is chance
_NAMESPACE = re.compile(r"^.*:|^mixamorig\d*_?", re.I)
_LEAF = re.compile(r"([._ ]end(_\d+)?|nub)$", re.I)


def canonical(bone: str) -> str:
    """A bone's name without namespace ("mixamorig:", "mixamorig9:"), case and punctuation, which exporters change."""
    return re.sub(r"[^0-9a-z]", "", _NAMESPACE.sub("", bone).lower())


def joints(bones: Iterable[str]) -> dict[str, str]:
    """Canonical name -> name of the bones that move something; the ends of chains are left out."""
    found: dict[str, str] = {}
    for bone in bones:
        if not _LEAF.search(bone):
            found.setdefault(canonical(bone), bone)
    return found


def match(clip: Iterable[str], character: Iterable[str]) -> dict[str, str] | None:
    """Bone of the clip -> bone of the character, or None where they are different skeletons.

    Either may have bones that the other lacks (fingers, hair), as long as the smaller one is nearly all in the larger.
    """
    mine, yours = joints(clip), joints(character)
    common = mine.keys() & yours.keys()
    if len(common) < FEWEST or len(common) < SHARE * min(len(mine), len(yours)):
        return None
    return {mine[name]: yours[name] for name in mine if name in common}


def in_common(clip: Iterable[str], character: Iterable[str]) -> tuple[int, int]:
    """Bones in common, and of the smaller skeleton: why `match` said no."""
    mine, yours = joints(clip), joints(character)
    return len(mine.keys() & yours.keys()), min(len(mine), len(yours))
