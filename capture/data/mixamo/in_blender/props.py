"""Weapons and other props, which are told from the body by the names of their objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_WORDS = (
    *(
        "ak",
        "arrow",
        "axe",
        "bat",
        "blade",
        "bow",
        "cannon",
        "club",
        "crossbow",
        "crutch",
        "dagger",
        "grenade",
        "gun",
        "hammer",
    ),
    *("knife", "launcher", "mace", "pickaxe", "pistol", "prop", "quiver", "revolver", "rifle", "scythe", "shield"),
    *("shotgun", "shovel", "smg", "sniper", "spear", "staff", "sword", "wand", "weapon"),
)


def is_prop(name: str) -> bool:
    """Whether an object's name has a word for a weapon or a tool in it: ShortCannon, Knife_1, weapon-sword.001."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(word.lower() in _WORDS for word in words)


def visible(names: Sequence[str], props: str, character: str) -> set[str]:
    """The objects to show, of all of a character's.

    Args:
        props: keep all props, hide all, or keep one, which the character's name decides.
    """
    found = sorted(name for name in names if is_prop(name))
    if props == "keep" or len(found) == len(names):
        return set(names)
    shown = set(names) - set(found)
    if props == "one" and found:
        number = int(hashlib.sha256(character.encode()).hexdigest(), 16)
        shown.add(found[number % len(found)])
    return shown
