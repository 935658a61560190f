"""Whether what is in a dataset is enough to sample from, and what its names and its manifest promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from capture.data.check.findings import Findings, Item
from capture.data.check.inventory import FRAME, MAP_FOLDERS, UNKNOWN, VIDEO, Inventory
from capture.data.check.walk import SET_ASIDE, SPLITS
from capture.data.writing import MANIFEST
from capture.io.images import is_image


def check_structure(inventory: Inventory, frames: Counter[str], findings: Findings) -> None:
    """Tell what keeps training from sampling.

    Args:
        frames: readable frames of each file (a video has many), by Entry.path.
    """
    _check_characters(inventory, frames, findings)
    _check_places(inventory, findings)
    _check_split(inventory, findings)
    _check_manifest(inventory, frames, findings)


def _check_characters(inventory: Inventory, frames: Counter[str], findings: Findings) -> None:
    noun = "videos" if inventory.fashion else "characters"
    usable, lonely, without, empty = [], [], [], []
    for character, clips in sorted(inventory.characters.items()):
        counts = {clip: sum(frames[entry.path] for entry in entries) for clip, entries in clips.items()}
        path = f"train/{character}"
        if not inventory.fashion:
            empty += [Item(f"{path}/{clip}") for clip, count in sorted(counts.items()) if not count]
        if not sum(counts.values()):
            without.append(Item(path))
        elif sum(counts.values()) == 1:
            lonely.append(Item(path))
        else:
            usable.append(character)
    if len(usable) < 2:
        found = f"{len(usable)} with two frames or more, expected {_layout(inventory)}"
        findings.wrong("too-few-characters", f"split has too few {noun} to sample from", [Item("train", found)])
    findings.wrong("no-frames", f"{noun} have no readable frame", without)
    findings.wrong("one-frame", f"{noun} have only one readable frame: training needs two, and leaves them out", lonely)
    findings.wrong("empty-clip", "clips have no readable frame", empty)


def _layout(inventory: Inventory) -> str:
    return "train/<video>/<frames>" if inventory.fashion else "train/<character>/<clip>/<frames>"


def _check_places(inventory: Inventory, findings: Findings) -> None:
    """Frames beside an imgs/ folder win: what is in it is not looked at."""
    beside: dict[str, set[str]] = {}
    for entry in inventory.entries:
        if entry.role == FRAME:
            folder = entry.path.rsplit("/", 1)[0]
            inside = folder.endswith("/imgs")
            beside.setdefault(folder.removesuffix("/imgs"), set()).add("imgs" if inside else "")
    both = [Item(f"{folder}/imgs") for folder, kinds in sorted(beside.items()) if len(kinds) > 1]
    findings.wrong("two-places", "imgs/ folders are ignored, for there are frames beside them too", both)


def _check_split(inventory: Inventory, findings: Findings) -> None:
    """Characters to train on that are in the test set too, told from the names of test pictures.

    Where the manifest says that no characters are held out, but clips are: these.
    """
    pictures = [entry for entry in inventory.entries_of("test", FRAME, VIDEO) if entry.character != UNKNOWN]
    if inventory.manifest.get("test_characters") == []:
        both = Counter(
            f"train/{e.character}/{e.clip}" for e in pictures if inventory.characters.get(e.character, {}).get(e.clip)
        )
        items = [Item(clip, f"{count} test pictures") for clip, count in sorted(both.items())]
        findings.wrong("clip-in-both", "training clips are in the test set too", items)
        return
    tested = Counter(entry.character for entry in pictures)
    names = {name.casefold(): name for name in inventory.characters}
    shared = [
        Item(f"train/{names[name.casefold()]}", f"{count} test pictures")
        for name, count in sorted(tested.items())
        if name.casefold() in names
    ]
    findings.wrong("character-in-both", "training characters are in the test set too", shared)


def _check_manifest(inventory: Inventory, frames: Counter[str], findings: Findings) -> None:
    manifest = inventory.manifest
    listed = manifest.get("train_characters")
    if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
        there = set(inventory.characters)
        excused = {path.name for path in (inventory.root / SET_ASIDE / "train").glob("*")}
        lost = sorted(set(listed) - there - excused)
        findings.wrong("character-missing", f"characters of {MANIFEST} are not in train/", map(Item, lost))
        more = sorted(there - set(listed))
        findings.wrong("character-unlisted", f"characters in train/ are not in {MANIFEST}", map(Item, more))
    for key in ("broken", "unreadable"):
        if isinstance(manifest.get(key), dict):
            items = [Item(str(name), str(why)) for name, why in manifest[key].items()]
            findings.note(f"left-out-{key}", "models or videos were left out when it was prepared", items)
    aside = Counter(_set_aside(inventory.root))
    for split in ("train", "test"):
        promised = manifest.get(f"{split}_images")
        found = sum(frames[entry.path] for entry in inventory.entries_of(split, FRAME, VIDEO))
        missing = promised - found - aside[split] if isinstance(promised, int) else 0
        unreadable = sum(not frames[entry.path] for entry in inventory.entries_of(split, FRAME))
        if missing > unreadable:
            detail = f"{MANIFEST} says {promised:,}, there are {found + unreadable:,}"
            findings.wrong(f"{split}-incomplete", f"split lacks {missing - unreadable:,} frames", [Item(split, detail)])


def _set_aside(root: Path) -> Iterator[str]:
    """The split of each frame that an earlier --fix took away."""
    for split in SPLITS:
        for path in (root / SET_ASIDE / split).rglob("*"):
            if is_image(path) and path.parent.name not in MAP_FOLDERS:
                yield split
