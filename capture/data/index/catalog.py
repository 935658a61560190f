"""What lies in a dataset folder: characters, their clips, their frames.

Mixamo tree: train/<character>/<clip>/ with frames directly in it or in imgs/, or train/<character>/<clip>.mp4.
Fashion tree: train/<video>/ with frames, or train/<video>.mp4; each video is one character with one clip.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.common.errors import CaptureError
from capture.data.index.index import VIDEO, WHAT, Index, load_index, save_index
from capture.data.index.layout import FASHION, MIXAMO, no_such_folder, no_train_folder, why_empty
from capture.data.index.listing import list_folder, list_split, settled, unchanged
from capture.data.writing import MANIFEST, refuse_newer
from capture.io.array_file import Damaged, kept_by_newer, side_folders, writable_side_folder
from capture.io.video import is_video

logger = logging.getLogger("capture")

INDEX, BESIDE_NEWER = "index.bin", "index.version1.bin"
SAVE_FROM = 20_000  # frames; fewer are listed faster than anyone notices (videos are always worth it)


@dataclass(frozen=True)
class Catalog:
    """A training split.

    Attributes:
        kind: "fashion" or "mixamo": how the tree is laid out.
        aligned: the same clip and frame name of two characters is the same pose (the manifest says so), so that the
            true target of a sample is known.
        uv_parts: the bones that its IUV maps number 1, 2, ...; () if the numbers are those of capture.io.iuv.PARTS;
            None if there are no maps.
    """

    root: Path
    kind: str
    index: Index
    aligned: bool
    uv_parts: tuple[str, ...] | None = None

    @property
    def characters(self) -> int:
        return self.index.characters

    @property
    def clips(self) -> int:
        return self.index.clips

    @property
    def frames(self) -> int:
        return self.index.frames

    def frame(self, number: int) -> tuple[Path, int | None]:
        """The file of frame `number`: a picture and None, or a video and the position of the frame in it."""
        clip = self.index.clip_of(number)
        position = number - int(self.index.frame_at[clip])
        folder = self.clip_path(clip)
        if self.index.clip_form[clip] == VIDEO:
            return folder, position
        return folder / os.fsdecode(self.index.frame_name(clip, position)), None

    def clip_path(self, clip: int) -> Path:
        """The folder that holds a clip's frames, or the video."""
        return self.root / "train" / os.fsdecode(self.index.clip_path(clip))

    def __str__(self) -> str:
        truth = "true targets known" if self.aligned else "no true targets"
        noun = "videos" if self.kind == FASHION else "characters"
        counts = f"{self.characters} {noun}, {self.clips} clips, {self.frames} frames"
        return f"{self.kind} at {self.root}: {counts}, {truth}"


def find_root(path: str | Path) -> Path:
    """The dataset folder: `path`, or the one folder directly in it that has a train/ where `path` itself has none.

    So Mixamo_dataset stands for Mixamo_dataset/rendered, which `prepare.py mixamo` writes. The case of the name is
    ignored, because the release's README and code spell it differently.
    """
    root = _named(Path(path))
    inside = datasets_in(root)
    return inside[0] if len(inside) == 1 else root


def datasets_in(root: Path) -> list[Path]:
    """The folders directly in `root` that have a train/, sorted; [] where `root` has one itself."""
    return [] if os.path.isdir(root / "train") else [one for one in folders(root) if os.path.isdir(one / "train")]


def _named(path: Path) -> Path:
    if path.is_dir():
        return path
    if path.exists():
        raise CaptureError(f"{path}: a file; dataset_path names a folder with train/ and test/ in it")
    if path.parent.is_dir():
        for entry in sorted(path.parent.iterdir()):
            if entry.name.lower() == path.name.lower() and entry.is_dir():
                return entry
    raise CaptureError(no_such_folder(path))


def kind_of(root: Path, manifest: dict[str, Any]) -> str:
    """FASHION or MIXAMO: what the manifest says; otherwise FASHION if "fashion" is in the folder's name, in any case.

    A folder train/ that holds only videos is FASHION, too.
    """
    if isinstance(manifest.get("kind"), str):
        return FASHION if manifest["kind"].lower() == FASHION else MIXAMO
    if FASHION in root.resolve().name.lower():
        return FASHION
    if not (root / "train").is_dir():
        return MIXAMO
    top = root / "train"
    return FASHION if not folders(top) and videos(top) else MIXAMO


def scan(path: str | Path, progress: bool = True) -> Catalog:
    """The training split of a dataset folder, from its saved index, or listed if there is none or it is out of date.

    Raises:
        CaptureError: the folder is missing, or holds no frames or fewer than two characters.
    """
    root = find_root(path)
    manifest = read_manifest(root)
    train = root / "train"
    kind = kind_of(root, manifest)
    if not train.is_dir():
        inside = [entry.name for entry in datasets_in(root)]
        raise CaptureError(no_train_folder(root, kind, bool(list_folder(os.fsencode(root)).videos), inside))
    index = _index(root, kind, progress)
    if not index.characters:
        raise CaptureError(f"{train}: {why_empty(train, kind, isinstance(manifest.get('kind'), str))}")
    if index.characters < 2:
        what = "video" if kind == FASHION else "character"
        name = os.fsdecode(index.text(index.character_name[0]))
        raise CaptureError(
            f"{train}: only one {what} with two frames or more ({name}); pose transfer is learnt between two or more"
        )
    return Catalog(root, kind, index, bool(manifest.get("aligned", False)), _uv_parts(root, manifest))


def _uv_parts(root: Path, manifest: dict[str, Any]) -> tuple[str, ...] | None:
    if not manifest.get("uv"):
        return None
    parts = manifest.get("uv_parts", [])
    if not isinstance(parts, list) or len(parts) > 255 or not all(isinstance(part, str) for part in parts):
        raise CaptureError(f"{root / MANIFEST}: uv_parts are not 255 names or fewer; prepare the dataset again")
    return tuple(parts)


def _index(root: Path, kind: str, progress: bool) -> Index:
    train = root / "train"
    about = {"kind": kind}
    saved = _saved(root, about)
    if saved is not None and unchanged(saved, train):
        return saved
    if saved is not None:
        logger.info(f"{train} has changed since it was indexed: listing it again")
    began = time.time_ns()
    index = list_split(train, kind == FASHION, about, saved, progress)
    worth = index.frames >= SAVE_FROM or bool((index.clip_form == VIDEO).any())
    folder = writable_side_folder(root) if worth and settled(index, began) else None
    if folder is None:
        return index
    path = folder / (BESIDE_NEWER if kept_by_newer(folder / INDEX, WHAT) else INDEX)
    try:
        save_index(index, path)
        return load_index(path)
    except (CaptureError, OSError, Damaged) as error:  # for example a full disk
        logger.info(f"note: no room for an index in {folder}; {train} is listed at every start ({error})")
        return index


def _saved(root: Path, about: dict[str, Any]) -> Index | None:
    """The saved index of this dataset, which may be out of date."""
    for path in (folder / name for folder in side_folders(root) for name in (INDEX, BESIDE_NEWER)):
        try:
            index = load_index(path)
        except OSError:
            continue
        except Damaged as damage:
            logger.info(f"note: {path} can't be used ({damage}): listing {root / 'train'} again")
            continue
        if {key: index.about.get(key) for key in about} == about:
            return index
    return None


def read_manifest(root: Path) -> dict:
    """The manifest that prepare.py wrote into a dataset folder; {} if there is none."""
    path = root / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest.get("version", 0)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror}); change its permissions") from None
    except (ValueError, AttributeError, RecursionError):
        raise CaptureError(f"{path}: not a readable manifest; prepare the dataset again") from None
    refuse_newer(path, version)
    return manifest


def image_names(folder: Path) -> list[str]:
    """Names of the pictures directly in a folder, sorted."""
    return [os.fsdecode(name) for name in list_folder(os.fsencode(folder)).pictures]


def folders(folder: Path) -> list[Path]:
    """Folders directly in a folder, sorted; hidden ones left out."""
    return [folder / os.fsdecode(name) for name in list_folder(os.fsencode(folder)).folders]


def videos(folder: Path) -> list[Path]:
    """Videos directly in a folder, animated pictures among them, sorted."""
    listed = list_folder(os.fsencode(folder))
    names = [os.fsdecode(name) for name in (*listed.pictures, *listed.videos)]
    return sorted(folder / name for name in names if is_video(folder / name))


def frame_folder(folder: Path) -> tuple[Path, list[str]]:
    """The folder of a video's frames, which is the folder itself or its imgs/, and the names of the frames."""
    names = image_names(folder)
    if not names and (folder / "imgs").is_dir():
        folder = folder / "imgs"
        names = image_names(folder)
    return folder, names
