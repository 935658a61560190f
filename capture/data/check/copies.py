"""Copies of pictures, pixel for pixel or nearly (near.py): in both splits, or of whole characters and clips."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import numpy as np

from capture.data.check.findings import Findings, Item
from capture.data.check.inventory import FRAME, UNKNOWN, VIDEO, Entry, Inventory
from capture.data.check.near import Place, candidates, confirm
from capture.data.check.pictures import Pictures

STRAYS = 0.1  # share of a character's pictures that may look like another's; above it, the character is a copy


class _Frames(NamedTuple):
    """Frames of one split: records (N,) and `content` (N,), equal where the pixels are."""

    inventory: Inventory
    records: np.ndarray
    content: np.ndarray

    def entry(self, i: int | np.integer[Any]) -> Entry:
        return self.inventory.entries[self.records["file"][i]]

    def path(self, i: int | np.integer[Any]) -> str:
        entry = self.entry(i)
        return f"{entry.path} frame {self.records['frame'][i]}" if entry.role == VIDEO else entry.path

    def place(self, i: int | np.integer[Any]) -> Place:
        entry = self.entry(i)
        return entry.path, entry.role, int(self.records["frame"][i])

    def pose(self, i: int | np.integer[Any]) -> tuple[str, str]:
        """Clip and frame name: the same pose in any character, where a dataset is aligned."""
        entry = self.entry(i)
        return entry.clip, entry.name.rsplit(".", 1)[0].rsplit("__", 1)[-1]


def find_copies(
    inventory: Inventory, pictures: Pictures, findings: Findings, workers: int | None = None, progress: bool = False
) -> None:
    """Add findings about pictures in both splits, copied characters and clips, and repeated frames."""
    entries, records = inventory.entries, pictures.records
    frames = np.array([entry.role in (FRAME, VIDEO) for entry in entries], bool)
    in_test = np.array([entry.split == "test" for entry in entries], bool)
    records = records[frames[records["file"]] & ~records["blank"]]
    _, content = np.unique(records["pixels"], return_inverse=True)
    tested = in_test[records["file"]]
    train = _Frames(inventory, records[~tested], content[~tested])
    test = _Frames(inventory, records[tested], content[tested])
    if len(train.records) and len(test.records):
        _find_leaks(train, test, findings, workers, progress)
    _find_copied_characters(train, findings)
    _find_copied_clips(train, findings)


def _find_leaks(train: _Frames, test: _Frames, findings: Findings, workers: int | None, progress: bool) -> None:
    """Add findings about test pictures that are in train/, too."""
    first = np.full(max(train.content.max(), test.content.max()) + 1, -1)
    first[train.content[::-1]] = np.arange(len(train.content))[::-1]
    exact = first[test.content]
    rest = np.flatnonzero(exact < 0)
    near = np.full(len(exact), -1)
    near[rest] = candidates(test.records["signature"][rest], train.records["signature"], progress)
    likely = np.flatnonzero(near >= 0)
    pairs = [(test.place(i), train.place(near[i])) for i in likely]
    near[likely[~confirm(test.inventory.root, pairs, workers, progress)]] = -1
    twin = np.where(exact >= 0, exact, near)

    strays = _strays(train, test, twin)
    found = defaultdict(list)
    for i in np.flatnonzero(twin >= 0):
        kind = "stray" if i in strays else "exact" if exact[i] >= 0 else "near"
        found[kind].append(Item(test.path(i), f"as {train.path(twin[i])}"))
    findings.wrong("copy-across-split", "test pictures are training frames, pixel for pixel", found["exact"])
    findings.wrong("near-copy-across-split", "test pictures are training frames, all but the encoding", found["near"])
    findings.note("look-alike", "test pictures look like another character's in that pose", found["stray"])


def _strays(train: _Frames, test: _Frames, twin: np.ndarray) -> set[int]:
    """Test pictures whose twin is another character in the very same pose, as different characters may look alike.

    Only in aligned datasets, and not where it is so for more than a few of the character's pictures.
    """
    if not train.inventory.aligned:
        return set()
    pictures = Counter(test.entry(i).character for i in range(len(twin)))
    twins = np.flatnonzero(twin >= 0)
    wanted = set(train.content[twin[twins]].tolist())
    poses = defaultdict(set)
    for k in np.flatnonzero(np.isin(train.content, list(wanted))):
        poses[train.content[k]].add(train.pose(k))
    by_character = defaultdict(list)
    for i in twins:
        by_character[test.entry(i).character].append(i)
    strays: set[Any] = set()
    for character, members in by_character.items():
        same_pose = all(test.pose(i) in poses[train.content[twin[i]]] for i in members)
        if character != UNKNOWN and same_pose and len(members) <= STRAYS * pictures[character]:
            strays.update(members)
    return strays


def _find_copied_characters(train: _Frames, findings: Findings) -> None:
    """Training characters that are another one's copy, in many frames; or by chance in few, which is only noted."""
    if not len(train.records):
        return
    names = sorted(train.inventory.characters)
    number = {name: i for i, name in enumerate(names)}
    owner_of_file = np.array(
        [number[entry.character] if entry.split == "train" else -1 for entry in train.inventory.entries]
    )
    owners = owner_of_file[train.records["file"]]
    low, high = np.full(train.content.max() + 1, len(names)), np.full(train.content.max() + 1, -1)
    np.minimum.at(low, train.content, owners)
    np.maximum.at(high, train.content, owners)
    shared = low[train.content] != high[train.content]
    of_each = np.bincount(owners, minlength=len(names))
    shared_of_each = np.bincount(owners[shared], minlength=len(names))
    copied = shared_of_each > STRAYS * of_each
    items = []
    for i in np.flatnonzero(copied):
        copies = train.content[shared & (owners == i)]
        others = np.where(low[copies] == i, high[copies], low[copies])
        other = Counter(others.tolist()).most_common(1)[0][0]
        items.append(Item(f"train/{names[i]}", f"{shared_of_each[i]} of {of_each[i]} frames as train/{names[other]}"))
    findings.wrong("copied-character", "training characters share frames with another one", items)
    lone = np.flatnonzero(shared & ~copied[owners])
    findings.note("shared-frame", "training frames equal one of another character", [Item(train.path(i)) for i in lone])


def _find_copied_clips(train: _Frames, findings: Findings) -> None:
    """Clips that are another clip of their character, frame by frame; and frames that merely repeat one of theirs."""
    clips = defaultdict(list)
    for i in range(len(train.records)):
        entry = train.entry(i)
        clips[entry.character, entry.clip].append(i)
    seen: dict[tuple, str] = {}
    contents: dict[str, set[int]] = defaultdict(set)
    copied, repeated = [], []
    for (character, clip), members in clips.items():
        content = train.content[members].tolist()
        twin = seen.setdefault((character, *content), clip)
        if twin != clip and len(content) > 1:
            copied.append(Item(f"train/{character}/{clip}", f"as {twin}"))
            continue
        for i, one in zip(members, content):
            if one in contents[character]:
                repeated.append(Item(train.path(i)))
            contents[character].add(one)
    findings.wrong("copied-clip", "clips are another clip of their character, frame by frame", copied)
    findings.note("repeated-frame", "training frames repeat one of their character, as held poses do", repeated)
