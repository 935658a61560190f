"""What lies in a dataset folder: characters, their clips, their frames.

Mixamo tree: train/<character>/<clip>/ with frames directly in it or in imgs/.
Fashion tree: train/<video>/ with frames; each video is one character with one clip.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from capture.errors import CaptureError
from capture.images import is_image
from datasets.writing import MANIFEST, MANIFEST_VERSION

VIDEO_EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv", ".webm")


@dataclass(frozen=True)
class Clip:
    """Frames of one character in one video, in order of their names."""

    name: str
    folder: Path
    frames: tuple[str, ...]

    def path(self, frame: str) -> Path:
        return self.folder / frame


@dataclass(frozen=True)
class Character:
    name: str
    clips: tuple[Clip, ...]
    by_name: dict[str, Clip] = field(repr=False, compare=False)

    @classmethod
    def of(cls, name: str, clips: list[Clip]) -> Character:
        return cls(name, tuple(clips), {clip.name: clip for clip in clips})


@dataclass(frozen=True)
class Catalog:
    """A scanned training split.

    Attributes:
        aligned: the same clip and frame name of two characters is the same pose (the manifest says so), so that the
            true target of a sample is known.
    """

    root: Path
    kind: str
    characters: tuple[Character, ...]
    aligned: bool

    @property
    def clips(self) -> int:
        return sum(len(character.clips) for character in self.characters)

    @property
    def frames(self) -> int:
        return sum(len(clip.frames) for character in self.characters for clip in character.clips)

    def __str__(self) -> str:
        truth = "true targets known" if self.aligned else "no true targets"
        noun = "videos" if self.kind == "fashion" else "characters"
        counts = f"{len(self.characters)} {noun}, {self.clips} clips, {self.frames} frames"
        return f"{self.kind} at {self.root}: {counts}, {truth}"


def find_root(path: str | Path) -> Path:
    """The dataset folder, whatever the case of its last name (the release's README and code disagree on it)."""
    path = Path(path)
    if path.is_dir():
        return path
    if path.exists():
        raise CaptureError(f"{path}: a file; dataset_path names a folder with train/ and test/ in it")
    if path.parent.is_dir():
        for entry in sorted(path.parent.iterdir()):
            if entry.name.lower() == path.name.lower() and entry.is_dir():
                return entry
    raise CaptureError(
        f"{path}: no such dataset folder; see Mixamo_dataset/README.md and Fashion_dataset/README.md, "
        "or train on built-in characters with --dataset_path toon"
    )


def scan(path: str | Path) -> Catalog:
    """Scan the training split of a dataset folder; "fashion" anywhere in its name (any case) makes it the Fashion kind.

    Raises:
        CaptureError: a folder that isn't there or holds no frames, or fewer than two characters.
    """
    root = find_root(path)
    kind = "fashion" if "fashion" in root.resolve().name.lower() else "mixamo"
    train = root / "train"
    if not train.is_dir():
        raise CaptureError(f"{root}: no train/ folder in this dataset; expected {_expected(kind)}")
    characters = tuple(_fashion(train) if kind == "fashion" else _mixamo(train))
    if not characters:
        raise CaptureError(f"{train}: {_why_empty(train, kind)}")
    if len(characters) < 2:
        what = "video" if kind == "fashion" else "character"
        raise CaptureError(
            f"{train}: only one {what} with frames ({characters[0].name}); pose transfer is learnt between two or more"
        )
    return Catalog(root, kind, characters, bool(read_manifest(root).get("aligned", False)))


def read_manifest(root: Path) -> dict:
    """The manifest that prepare.py left in a dataset folder ({} where there is none)."""
    path = root / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest.get("version", 0)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, RecursionError):
        raise CaptureError(f"{path}: not a readable manifest; prepare the dataset again") from None
    if not isinstance(version, int) or version > MANIFEST_VERSION:
        raise CaptureError(
            f"{path}: manifest version {version}, this program reads up to {MANIFEST_VERSION}; update it"
        )
    return manifest


def image_names(folder: Path) -> list[str]:
    """Names of the pictures directly in a folder, sorted."""
    return sorted(entry.name for entry in _entries(folder) if is_image(Path(entry.name)) and entry.is_file())


def folders(folder: Path) -> list[Path]:
    """Folders directly in a folder, sorted; hidden ones left out."""
    return sorted(Path(e.path) for e in _entries(folder) if e.is_dir() and not e.name.startswith("."))


def frame_folder(folder: Path) -> tuple[Path, list[str]]:
    """Where a video's frames are: the folder itself, or its imgs/."""
    names = image_names(folder)
    if not names and (folder / "imgs").is_dir():
        folder = folder / "imgs"
        names = image_names(folder)
    return folder, names


def _entries(folder: Path) -> Iterator[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise CaptureError(f"{folder}: can't be listed ({error.strerror})") from None


def _mixamo(train: Path) -> Iterator[Character]:
    for character in folders(train):
        clips = []
        for video in folders(character):
            folder, names = frame_folder(video)
            if names:
                clips.append(Clip(video.name, folder, tuple(names)))
        if len(clips) > 1 or (clips and len(clips[0].frames) > 1):
            yield Character.of(character.name, clips)


def _fashion(train: Path) -> Iterator[Character]:
    for video in folders(train):
        folder, names = frame_folder(video)
        if len(names) > 1:
            yield Character.of(video.name, [Clip(video.name, folder, tuple(names))])


def _expected(kind: str) -> str:
    return "train/<video>/<frames>" if kind == "fashion" else "train/<character>/<clip>/<frames> (or .../imgs/<frames>)"


def _why_empty(train: Path, kind: str) -> str:
    files = [p for p in train.rglob("*") if p.is_file() and not p.name.startswith(".")]
    videos = [p for p in files if p.suffix.lower() in VIDEO_EXTENSIONS]
    pictures = [p for p in files if is_image(p)]
    if videos:
        return f"holds videos such as {videos[0].name} but no frames; extract their frames into {_expected(kind)}"
    if pictures:
        return f"pictures such as {pictures[0].relative_to(train)} are not where they are looked for: {_expected(kind)}"
    if files:
        return f"no pictures here, only files such as {files[0].name}; expected {_expected(kind)}"
    return f"empty; expected {_expected(kind)}"
