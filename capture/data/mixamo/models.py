"""Which files in a folder are characters and which are clips.

A skinned mesh makes a file a character; animations longer than a pose are clips, whichever file they are in. Files
below a folder named characters/ are characters only, those below animations/ or clips/ are clips only, so that Mixamo
animations that were downloaded "with skin" can be told from the character.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from capture.common.errors import CaptureError
from capture.data.mixamo.contents import Broken, Contents
from capture.data.mixamo.fbx import read_fbx
from capture.data.mixamo.gltf import read_gltf

READERS = {".fbx": read_fbx, ".glb": read_gltf, ".gltf": read_gltf, ".vrm": read_gltf}  # VRM is glTF with more in it
_BESIDE = {".bin", ".png", ".jpg", ".jpeg", ".tga", ".bmp", ".tif", ".tiff", ".webp", ".txt", ".md", ".json", ".csv"}
_CHARACTERS, _CLIPS = {"characters", "character"}, {"animations", "animation", "clips", "motions"}
_NAMELESS = re.compile(r"^(mixamo\.com|scene|take ?\d+|layer\d*|animation|baselayer|default)([._]\d+)?$", re.I)


@dataclass(frozen=True)
class Model:
    """A file that holds a skeleton, a character, clips, or all of them.

    Attributes:
        file: relative to the folder of models, with forward slashes.
        digest: SHA-256 of its bytes.
    """

    file: str
    digest: str
    contents: Contents

    @property
    def stem(self) -> str:
        return Path(self.file).stem

    @property
    def is_character(self) -> bool:
        return self.contents.skinned and not _below(self.file, _CLIPS)

    @property
    def clips(self) -> dict[str, str]:
        """Name of a clip -> name of its action in the file. An action without a name of its own has the file's."""
        if _below(self.file, _CHARACTERS):
            return {}
        found: dict[str, str] = {}
        for action in self.contents.actions:
            name = action.split("|")[-1]
            if _NAMELESS.match(name):
                name = next((part for part in action.split("|") if not _nameless(part)), self.stem)
            found.setdefault(safe_name(name), action)
        return found


def _nameless(part: str) -> bool:
    return bool(_NAMELESS.match(part)) or "armature" in part.lower()


def _below(file: str, folders: set[str]) -> bool:
    return any(part.lower() in folders for part in Path(file).parts[:-1])


def safe_name(name: str) -> str:
    """A folder name: letters, digits, dots, dashes, single underscores (two of them part names of test frames)."""
    return re.sub(r"[^0-9A-Za-z.-]+", "_", name).strip("_.") or "unnamed"


def passed_over(folder: Path) -> list[Path]:
    """Files below `folder` that are neither models nor what lies beside them (textures, notes)."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.suffix.lower() not in {*READERS, *_BESIDE} and path.suffix]


def find_models(folder: Path) -> tuple[list[Model], dict[str, str]]:
    """Every model below `folder`, by name, and file -> reason of those that can't be read.

    Raises:
        CaptureError: no such folder, or no model in it.
    """
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give the one that holds your .fbx, .glb, .gltf or .vrm files")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in READERS and not p.name.startswith("."))
    if not files:
        raise CaptureError(f"{folder}: no .fbx, .glb, .gltf or .vrm files in it; docs/MIXAMO.md says how to get some")
    models, broken = [], {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            contents = READERS[path.suffix.lower()](path)
            models.append(Model(name, hashlib.sha256(path.read_bytes()).hexdigest(), contents))
        except Broken as error:
            broken[name] = str(error)
        except OSError as error:
            broken[name] = f"can't be read ({error.strerror})"
    return models, broken
