"""Whether a clip fits a character: by the names of their bones."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHARE = 0.8  # share of the smaller skeleton's bones that both skeletons must have
FEWEST = 5  # bones that two skeletons must have in common; fewer may be chance
_NAMESPACE = re.compile(r"^.*:|^mixamorig\d*_?", re.I)
_LEAF = re.compile(r"([._ ]end(_\d+)?|nub)$", re.I)


def canonical(bone: str) -> str:
    """A bone's name without namespace ("mixamorig:", "mixamorig9:"), case and punctuation, which exporters change."""
    return re.sub(r"[^0-9a-z]", "", _NAMESPACE.sub("", bone).lower())


def joints(bones: Iterable[str]) -> dict[str, str]:
    """Canonical name -> name of each bone, without the bones that only mark the end of a chain."""
    found: dict[str, str] = {}
    for bone in bones:
        if not _LEAF.search(bone):
            found.setdefault(canonical(bone), bone)
    return found


def match(clip: Iterable[str], character: Iterable[str]) -> dict[str, str] | None:
    """Bone of the clip -> bone of the character; None if they have different skeletons.

    Either skeleton may have bones that the other lacks (fingers, hair), as long as the larger one has nearly all bones
    of the smaller one.
    """
    of_clip, of_character = joints(clip), joints(character)
    common = of_clip.keys() & of_character.keys()
    if len(common) < FEWEST or len(common) < SHARE * min(len(of_clip), len(of_character)):
        return None
    return {of_clip[name]: of_character[name] for name in of_clip if name in common}


def in_common(clip: Iterable[str], character: Iterable[str]) -> tuple[int, int]:
    """How many bones both have, and how many the smaller skeleton has: the reason why `match` returned None."""
    of_clip, of_character = joints(clip), joints(character)
    return len(of_clip.keys() & of_character.keys()), min(len(of_clip), len(of_character))
