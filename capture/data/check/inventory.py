"""The role of each file in a dataset folder: a frame, a map beside a frame, a video, a pairs file, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.data.check.findings import Findings, Item
from capture.data.check.walk import SPLITS, Walked, walk
from capture.data.index.catalog import FASHION, kind_of, read_manifest
from capture.data.writing import MANIFEST, STARTED
from capture.io.images import is_image
from capture.io.iuv import PARTS
from capture.io.pairs import Pair, character_and_clip
from capture.io.video import is_animation, is_film

FRAME, MAP, VIDEO = "frame", "map", "video"
UV = "uv"
MAP_FOLDERS = (UV, "mask")  # folders beside imgs/
DOCUMENTS = (".md", ".txt", ".csv", ".tsv", ".json", ".yaml", ".yml", ".html", ".pdf")  # fine in the dataset's folder
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to check.

    Attributes:
        path: below the dataset folder.
        role: FRAME, MAP (uv or mask of a frame) or VIDEO.
        split: "train" or "test".
        character, clip: UNKNOWN if the name of a test picture doesn't say it.
    """

    path: str
    role: str
    split: str
    character: str
    clip: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def stem(self) -> str:
        """The path without its extension."""
        return self.path.rsplit(".", 1)[0]

    @property
    def is_uv(self) -> bool:
        """Whether it is a MAP in a folder of IUV maps."""
        return self.role == MAP and self.path.split("/")[-2] == UV

    @property
    def frame_stems(self) -> tuple[str, str]:
        """The possible `stem`s of the frame of a MAP: uv/ and mask/ lie beside the frames or beside imgs/."""
        folder, _, name = self.stem.rsplit("/", 2)
        return f"{folder}/{name}", f"{folder}/imgs/{name}"


@dataclass
class Inventory:
    """The files of a dataset folder by their roles.

    Attributes:
        fashion: train/<video>/<frame> rather than train/<character>/<clip>/<frame>.
        manifest: {} if there is none, or it can't be read.
        pairs: test/pairs*.csv.
        characters: the characters of train/ by name, with their clips, which may be empty. In Fashion, each video is a
            character.
    """

    root: Path
    fashion: bool
    manifest: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    characters: dict[str, dict[str, list[Entry]]] = field(default_factory=dict)

    @property
    def aligned(self) -> bool:
        return bool(self.manifest.get("aligned", False))

    @property
    def map_parts(self) -> int | None:
        """The highest part number of its IUV maps; None where the manifest has none, so that training reads none."""
        if not self.manifest.get("uv"):
            return None
        return 255 if self.manifest.get("uv_parts") else len(PARTS)

    def entries_of(self, split: str, *roles: str) -> list[Entry]:
        """The files of a split with one of these roles."""
        return [entry for entry in self.entries if entry.split == split and entry.role in roles]


def take_inventory(root: Path, findings: Findings) -> Inventory:
    """Walk a dataset folder and sort its files by role.

    Raises:
        CaptureError: neither train/ nor test/ is there: not a dataset.
    """
    if not any((root / split).is_dir() for split in SPLITS):
        raise CaptureError(f"{root}: not a dataset folder: there is neither train/ nor test/ in it")
    walked = walk(root, findings)
    try:
        manifest = read_manifest(root)
    except CaptureError as error:
        findings.wrong(
            "manifest-unreadable", "manifest can't be read", [Item(MANIFEST, _reason(error, root / MANIFEST))]
        )
        manifest = {}
    inventory = Inventory(root, _is_fashion(root, manifest), manifest)
    strangers = _Strangers()
    for folder in walked.folders:
        _place_folder(inventory, folder, strangers)
    there = set(walked.folders)
    for path in walked.files:
        _place_file(inventory, path, there, strangers)
    strangers.files += [Item(path, "not a file, folder or link") for path in walked.special]
    strangers.tell(findings)
    _tell_hidden(walked, findings)
    return inventory


def _is_fashion(root: Path, manifest: dict[str, Any]) -> bool:
    try:
        return kind_of(root, manifest) == FASHION
    except CaptureError:  # no train/, or one that can't be listed: among the findings
        return False


def _reason(error: CaptureError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")


@dataclass
class _Strangers:
    """What has no role."""

    files: list[Item] = field(default_factory=list)
    misplaced: list[Item] = field(default_factory=list)
    extracted: list[Item] = field(default_factory=list)

    def tell(self, findings: Findings) -> None:
        findings.note("extracted", "videos are ignored, for folders beside them hold their frames", self.extracted)
        findings.wrong("misplaced", "pictures or videos are where training doesn't look", self.misplaced)
        findings.wrong("unexpected", "files or folders don't belong in a dataset", sorted(self.files))


def _tell_hidden(walked: Walked, findings: Findings) -> None:
    started = [path for path in walked.hidden if path == STARTED]
    findings.wrong("unfinished", "preparation never finished; give the same command again", map(Item, started))
    partial = [path for path in walked.hidden if path.endswith(".partial")]
    findings.wrong("leftover", "half-written files were left by something that was killed", map(Item, partial))
    others = [path for path in walked.hidden if path not in started and path not in partial]
    findings.note("hidden", "hidden files or folders are ignored", map(Item, others))


def _place_folder(inventory: Inventory, folder: str, strangers: _Strangers) -> None:
    """Characters and clips exist as soon as their folders do."""
    split, *below = folder.split("/")
    if split not in SPLITS:
        strangers.files.append(Item(f"{folder}/"))
    elif split == "train" and len(below) == 1:
        clips = inventory.characters.setdefault(below[0], {})
        if inventory.fashion:
            clips.setdefault(below[0], [])
    elif split == "train" and len(below) == 2 and not inventory.fashion and below[1] not in ("imgs", *MAP_FOLDERS):
        inventory.characters.setdefault(below[0], {}).setdefault(below[1], [])


def _place_file(inventory: Inventory, path: str, there: set[str], strangers: _Strangers) -> None:
    """`there`: all folders."""
    split, *below = path.split("/")
    file = Path(below[-1] if below else split)
    is_map = inventory.map_parts is not None and file.suffix.lower() == ".npy" and below[-2:-1] == [UV]
    role = VIDEO if _is_video(inventory, path, below) else FRAME if is_image(file) or is_map else None
    if not below:
        if file.suffix.lower() not in DOCUMENTS and not (file.name.isupper() and not file.suffix):  # LICENSE, AUTHORS
            strangers.files.append(Item(path))
    elif split == "test" and len(below) == 1 and file.suffix.lower() == ".csv" and file.stem.startswith("pairs"):
        inventory.pairs.append(path)
    elif role is None:
        strangers.files.append(Item(path))
    elif split == "test":
        _add(inventory, path, role, below[:-1], *_who(inventory.root, path, role, below))
    else:
        depth = 1 if inventory.fashion else 2  # folders above a clip's frames
        folders, inside = below[:-1][:depth], below[:-1][depth:]
        if role == VIDEO:
            folders, inside = [*below[:-1], file.stem], []
        if role == VIDEO and path.rsplit(".", 1)[0] in there:
            strangers.extracted.append(Item(path))
        elif len(folders) == depth and (inside in ([], ["imgs"]) or (len(inside) == 1 and inside[0] in MAP_FOLDERS)):
            _add(inventory, path, role, inside, folders[0], folders[-1])
        else:
            strangers.misplaced.append(Item(path))


def _is_video(inventory: Inventory, path: str, below: list[str]) -> bool:
    """Whether training takes a file for a video; an animated picture is one where no frames are looked for."""
    depth = 1 if inventory.fashion or path.startswith("test/") else 2
    return is_film(Path(path)) or (len(below) == depth and is_animation(inventory.root / path))


def _add(inventory: Inventory, path: str, role: str, folders: list[str], character: str, clip: str) -> None:
    split = path.split("/", 1)[0]
    if role == FRAME and folders and folders[-1] in MAP_FOLDERS:
        role = MAP
    entry = Entry(path, role, split, character, clip)
    inventory.entries.append(entry)
    if split == "train" and role != MAP:
        inventory.characters.setdefault(character, {}).setdefault(clip, []).append(entry)


def _who(root: Path, path: str, role: str, below: list[str]) -> tuple[str, str]:
    """Character and clip of a test picture, from its name; of a test video, from its own."""
    if role == VIDEO:
        return Path(below[-1]).stem, Path(below[-1]).stem
    picture = root / path
    return character_and_clip(Pair(picture, picture, picture), root / "test")
