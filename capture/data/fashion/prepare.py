"""The UBC Fashion Video Dataset, folders of .mp4 files or lists of links to them -> folders of frames.

    DOWNLOAD/train/*.mp4, test/*.mp4                       (or DOWNLOAD/fashion_train.txt, fashion_test.txt: one
    OUT/train/<video>/<frame>.png, test/<video>/...         link a line; the videos then go to DOWNLOAD/train, test)
    OUT/manifest.json

Frames are squares of the training size, framed as in capture/io/images.py, so that training reads them as they are. A
video's folder appears when the last of its frames is written: what is there is complete.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture.common.errors import CaptureError
from capture.common.files import sha256_of, write_bytes
from capture.common.workers import gather, stopping
from capture.data.fashion.download import download as fetch
from capture.data.writing import MANIFEST, MANIFEST_VERSION, STARTED, abandon, begin, write_manifest, write_png
from capture.io.images import is_image, to_square
from capture.io.video import is_film, is_video, video_frames

SPLITS = ("train", "test")
FORMATS = ("png", "jpg")
UNFINISHED = ".decoding"  # ends the (hidden) name of a folder whose video is being decoded
RESULTS = ("clips", "frames", "broken", "files")  # keys of the manifest that describe the outcome
NAMED = 20  # how many broken videos a summary names
LONGEST_NAME = 200  # bytes; file systems take 255, and names are added to
HELP = "Fashion_dataset/README.md"


@dataclass(frozen=True)
class _Video:
    """A video of the download, and the folder of its frames."""

    path: Path
    split: str
    folder: Path
    size: int
    every: int
    format: str

    @property
    def name(self) -> str:
        """The name in messages: train/<file>."""
        return f"{self.split}/{self.path.name}"

    @property
    def place(self) -> str:
        """The folder of its frames below the dataset: train/<video>."""
        return f"{self.split}/{self.folder.name}"


def prepare_fashion(
    download: Path,
    out: Path,
    size: int = 256,
    every: int = 1,
    format: str = "png",
    workers: int | None = None,
) -> dict[str, Any]:
    """Decode the videos of `download` into folders of frames at `out`; return the manifest.

    Videos that are done are left alone; broken ones and dead links are noted in `manifest["broken"]` (name -> reason),
    and tried again by the next run.

    Args:
        size: side of a frame.
        every: keep frames 0, every, 2 every, ...
        format: "png", or "jpg" (quality 95, chroma as fine as luma): a third of the space.
        workers: processes; None is one a core.
    Raises:
        CaptureError: nothing to decode, nothing that can be decoded, or `out` can't be written, or holds something else
            or frames of other videos.
    """
    if size < 16 or every < 1 or format not in FORMATS:
        raise CaptureError(
            f"--size {size} --every {every} --format {format}: sizes are 16 or more, every is 1 or more, "
            f"formats are {' and '.join(FORMATS)}"
        )
    listed = _listed(download)
    paths = {split: _videos(download / split, listed) for split in SPLITS}
    if not any(paths.values()):
        what = "no videos in its train/ and test/, and no fashion_train.txt" if download.is_dir() else "no such folder"
        raise CaptureError(f"{download}: {what}; see {HELP}")
    if not paths["train"]:
        raise CaptureError(f"{download}: no videos to train on, only {len(paths['test'])} to test with; see {HELP}")
    about = {"kind": "fashion", "aligned": False, "size": size, "every": every, "format": format}
    begin(out, about, RESULTS)
    there = [folder for split in SPLITS for folder in _folders(out / split)]
    wanted = {out / split / path.stem for split in SPLITS for path in paths[split]}
    if there and wanted.isdisjoint(there):  # of those that are there, some may be gone to save space
        raise CaptureError(
            f"{there[0]}: frames of a video that {download} does not have, as all others in {out}; choose another "
            "folder for this download, or remove these frames"
        )
    dead = fetch(listed)
    for stale in out.glob(f"*/.*{UNFINISHED}"):
        shutil.rmtree(stale, ignore_errors=True)
    videos = [
        _Video(path, split, out / split / path.stem, size, every, format)
        for split in SPLITS
        for path in paths[split]
        if path not in dead
    ]
    files = _known_files(out) | _checked_files(videos, _known_files(out), download)
    todo = [video for video in videos if not video.folder.is_dir()]
    if todo:
        write_bytes(out / STARTED, json.dumps({"version": MANIFEST_VERSION, **about, "files": files}).encode())
    found = dict(gather(_decode, todo, out.name, workers, unit="video"))
    broken = {name: why for name, why in found.items() if why}
    broken |= {f"{path.parent.name}/{path.name}": why for path, why in dead.items()}

    clips = {split: {f.name: _count(f) for f in _folders(out / split)} for split in SPLITS}
    if not clips["train"]:
        if not clips["test"]:
            for split in SPLITS:
                with contextlib.suppress(OSError):
                    (out / split).rmdir()
            abandon(out)
        name, why = next(iter(broken.items()))
        raise CaptureError(f"{download}: not one video of train/ could be read; {name}: {why}")
    frames = {split: sum(counts.values()) for split, counts in clips.items()}
    manifest = {
        **about,
        "clips": clips,
        "frames": frames,
        "broken": dict(sorted(broken.items())),
        "files": {place: digest for place, digest in sorted(files.items()) if (out / place).is_dir()},
    }
    write_manifest(out, manifest)
    return manifest


def _known_files(out: Path) -> dict[str, str]:
    """train/<video> -> sha256 of the file that its frames are of, as earlier runs noted it."""
    known: dict[str, str] = {}
    for note in (MANIFEST, STARTED):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):  # older versions noted none
            known |= json.loads((out / note).read_text()).get("files", {})
    return known


def _checked_files(videos: Iterable[_Video], known: dict[str, str], download: Path) -> dict[str, str]:
    """The same of these videos, as they are now.

    Raises:
        CaptureError: the frames that are there already are of another video of the same name.
    """
    files: dict[str, str] = {}
    for video in videos:
        with contextlib.suppress(OSError):  # among the broken ones, soon
            files[video.place] = sha256_of(video.path)
        noted = known.get(video.place)
        if video.folder.is_dir() and noted and files.get(video.place, noted) != noted:
            raise CaptureError(
                f"{video.folder}: frames of another {video.name} than the one in {download}; choose another folder "
                "for this download, or remove these frames"
            )
    return files


def passed_over(download: Path) -> list[Path]:
    """Files of the download's train/ and test/ that are no videos, and so are not decoded."""
    files = (path for split in SPLITS for path in sorted((download / split).rglob("*")))
    return [path for path in files if path.is_file() and not path.name.startswith(".") and not is_video(path)]


def summary(out: Path, manifest: dict[str, Any]) -> str:
    """A summary of what was prepared, and of what failed, in a few lines."""
    clips, frames, broken = manifest["clips"], manifest["frames"], manifest["broken"]
    lines = [
        f"{out}: {len(clips['train'])} videos to train on ({frames['train']} frames), "
        f"{len(clips['test'])} held out ({frames['test']} frames)"
    ]
    if "fashion" not in out.resolve().name.lower():
        lines.append(f'note: no "fashion" in this folder\'s name; {MANIFEST} in it says what it is, so keep that')
    if broken:
        lines.append(f"{len(broken)} could not be read; the same command tries them again:")
        lines += [f"  {_printable(name)}: {_printable(why)}" for name, why in list(broken.items())[:NAMED]]
        lines += [f"  ... {MANIFEST} names all of them"] if len(broken) > NAMED else []
    return "\n".join(lines)


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _listed(download: Path) -> dict[Path, str]:
    """The file of each link in the lists -> the link."""
    links: dict[Path, str] = {}
    for split in SPLITS:
        path = download / f"fashion_{split}.txt"
        if not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CaptureError(f"{path}: can't be read as a list of links ({error})") from None
        for link in filter(None, map(str.strip, lines)):
            try:
                name = Path(urllib.parse.unquote(urllib.parse.urlsplit(link).path)).name
            except ValueError:  # for example a bracket that isn't closed
                name = ""
            if not is_film(Path(name)) or not name.isprintable() or len(os.fsencode(name)) > LONGEST_NAME:
                raise CaptureError(f"{path}: {link[:80]!r} is not a link to a video; one link a line, see {HELP}")
            if links.setdefault(download / split / name, link) != link:
                raise CaptureError(f"{path}: two links to a {name}; remove one of them")
    return links


def _videos(folder: Path, listed: dict[Path, str]) -> list[Path]:
    """Videos in a folder and those below it, and the listed ones that will be."""
    here = {path for path in folder.rglob("*") if is_video(path) and path.is_file()}
    paths = sorted(here | {path for path in listed if path.parent == folder})
    seen: dict[str, Path] = {}
    for path in paths:
        if seen.setdefault(path.stem, path) is not path:
            raise CaptureError(f"{seen[path.stem]} and {path} would both become {path.stem}/; rename one of them")
    return paths


def _folders(split: Path) -> list[Path]:
    return sorted(path for path in split.glob("*") if path.is_dir() and not path.name.startswith("."))


def _count(folder: Path) -> int:
    return sum(is_image(path) for path in folder.iterdir())


def _decode(video: _Video) -> tuple[int, tuple[str, str]]:
    """Write the frames of a video; returns 1 (the video), its name, and its fault or ""."""
    unfinished = video.folder.with_name(f".{video.folder.name}{UNFINISHED}")
    try:
        why = _write_frames(video, unfinished)
        if not why and not stopping():
            unfinished.replace(video.folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return 1, (video.name, why)


def _write_frames(video: _Video, folder: Path) -> str:
    """Decode a video into `folder`; returns its fault or ""."""
    frames, written = video_frames(video.path, video.every), 0
    while not stopping():
        try:
            image = next(frames, None)
        except CaptureError as error:
            return str(error).removeprefix(f"{video.path}: ")
        if image is None:
            return "" if written > 1 else "only one frame; training needs two or more"
        path = folder / f"{written * video.every:05d}.{video.format}"
        square = to_square(image, video.size)
        if video.format == "png":
            write_png(path, np.asarray(square))
        else:
            data = io.BytesIO()
            square.save(data, "JPEG", quality=95, subsampling=0)
            write_bytes(path, data.getvalue(), sync=False)
        written += 1
    return ""
