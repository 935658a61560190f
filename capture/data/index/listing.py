"""Listing a training split into an index, in parallel, and no deeper than the layout of a dataset."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from capture.common.errors import CaptureError, remedy
from capture.data.index.index import IMGS, PLAIN, VIDEO, Index, IndexBuilder, Stamp
from capture.io.images import EXTENSIONS
from capture.io.video import ANIMATION_EXTENSIONS, VIDEO_EXTENSIONS, VideoReader, is_animation

_PICTURES = tuple(os.fsencode(extension) for extension in EXTENSIONS)
_ANIMATIONS = tuple(os.fsencode(extension) for extension in ANIMATION_EXTENSIONS)
_VIDEOS = tuple(os.fsencode(extension) for extension in VIDEO_EXTENSIONS)
_THREADS = 8  # listing mostly waits for the disk or the network
_AT_A_TIME = 256  # how many characters are listed before they are added to the index
# ns: after two changes within it, a folder may show the same time; the coarsest is FAT's
_GRAIN = 2 * 10**9


class Folder(NamedTuple):
    """The contents of a folder, sorted, without hidden files and broken links."""

    pictures: list[bytes]
    videos: list[bytes]
    folders: list[bytes]
    time: int


def list_folder(path: bytes) -> Folder:
    """List a folder. Names are bytes, because file names need not be text.

    Raises:
        CaptureError: the folder can't be listed.
    """
    pictures, videos, inner = [], [], []
    try:
        changed = os.stat(path).st_mtime_ns
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(b"."):
                    continue
                lower = name.lower()
                if lower.endswith(_PICTURES) and _is(entry.is_file):
                    pictures.append(name)
                elif lower.endswith(_VIDEOS) and _is(entry.is_file):
                    videos.append(name)
                elif _is(entry.is_dir):
                    inner.append(name)
    except OSError as error:
        what_to_do = remedy(error)
        hint = f"; {what_to_do.split(',')[0]}" if what_to_do else ""
        raise CaptureError(f"{os.fsdecode(path)}: can't be listed ({error.strerror}){hint}") from None
    return Folder(sorted(pictures), sorted(videos), sorted(inner), changed)


def list_split(train: Path, flat: bool, about: dict, known: Index | None = None, progress: bool = True) -> Index:
    """List a training split.

    Args:
        flat: each video is a character, as in Fashion; otherwise the layout is train/<character>/<clip>/.
        about: plain values that are saved with the index.
        known: an older index of the same split; videos that haven't changed since are not counted again.
        progress: show a progress bar if it takes more than two seconds.
    Raises:
        CaptureError: a folder can't be listed, or videos can't be read.
    """
    counts = {stamp.path: stamp for stamp in known.stamps() if stamp.size >= 0} if known else {}
    builder, stamps = IndexBuilder(), []
    top = _animations_as_videos(os.fsencode(train), list_folder(os.fsencode(train)), flat)
    stamps.append(Stamp(b"", top.time))
    names = sorted(top.folders + _without_folders(top)) if flat else top.folders
    broken: list[str] = []

    def character(name: bytes) -> tuple[list, list[Stamp]]:
        return _character(os.fsencode(train), name, flat, counts, broken)

    bar = tqdm(total=len(names), desc=f"listing {train}", unit="folder", delay=2, disable=not progress)
    with ThreadPoolExecutor(_THREADS) as pool, bar:
        waiting = iter(names)
        while some := list(islice(waiting, _AT_A_TIME)):
            for name, (clips, seen) in zip(some, pool.map(character, some)):
                stamps += seen
                if len(clips) > 1 or any(_count(frames) > 1 for _, _, frames in clips):
                    builder.add_character(name, clips)
                bar.update()
    if broken:
        more = f" (and {len(broken) - 3} more like it)" if len(broken) > 3 else ""
        raise CaptureError(
            f"{'; '.join(sorted(broken)[:3])}{more}; prepare.py check {train.parent} --fix sets them aside"
        )
    return builder.finish(about, stamps, flat)


def unchanged(index: Index, train: Path) -> bool:
    """Whether every listed folder and every video is unchanged."""
    base = os.fsencode(train)

    def same(stamp: Stamp) -> bool:
        try:
            now = os.stat(os.path.join(base, stamp.path))
        except OSError:
            return False
        return now.st_mtime_ns == stamp.time and stamp.size in (-1, now.st_size)

    with ThreadPoolExecutor(_THREADS) as pool:
        stamps = index.stamps()
        pieces = [stamps[i : i + 1024] for i in range(0, len(stamps), 1024)]
        return all(pool.map(lambda piece: all(map(same, piece)), pieces))


def settled(index: Index, began: int) -> bool:
    """Whether any change of a listed folder since `began` (ns), when listing began, would change the folder's time."""
    first, last = began - _GRAIN, time.time_ns() + _GRAIN
    return not any(stamp.size < 0 and first <= stamp.time <= last for stamp in index.stamps())


def _character(
    train: bytes, name: bytes, flat: bool, counts: dict[bytes, Stamp], broken: list[str]
) -> tuple[list, list[Stamp]]:
    """The clips of one character, as IndexBuilder takes them, and what was looked at."""
    clips: list[Any] = []
    stamps: list[Stamp] = []
    if flat:
        found = [(name, name.lower().endswith(_VIDEOS + _ANIMATIONS) and not os.path.isdir(os.path.join(train, name)))]
        inside = b""
    else:
        folder = _animations_as_videos(os.path.join(train, name), list_folder(os.path.join(train, name)))
        stamps.append(Stamp(name, folder.time))
        found = [(clip, False) for clip in folder.folders] + [(clip, True) for clip in _without_folders(folder)]
        inside = name + b"/"
    for clip, is_file in sorted(found):
        path = inside + clip
        if is_file:
            clips += _video(train, path, clip, counts, broken, stamps)
        else:
            clips += _frames(train, path, clip, stamps)
    return clips, stamps


def _animations_as_videos(path: bytes, folder: Folder, wanted: bool = True) -> Folder:
    """A folder in which videos are looked for, with animated pictures among its videos: their names don't tell."""
    maybe = [name for name in folder.pictures if wanted and name.lower().endswith(_ANIMATIONS)]
    moving = {name for name in maybe if is_animation(Path(os.fsdecode(os.path.join(path, name))))}
    if not moving:
        return folder
    pictures = [name for name in folder.pictures if name not in moving]
    return folder._replace(pictures=pictures, videos=sorted([*folder.videos, *moving]))


def _frames(train: bytes, path: bytes, clip: bytes, stamps: list[Stamp]) -> Iterator[tuple[bytes, int, list[bytes]]]:
    """The clip of a folder, if there are frames in it or in its imgs/."""
    folder, form = list_folder(os.path.join(train, path)), PLAIN
    stamps.append(Stamp(path, folder.time))
    if not folder.pictures and b"imgs" in folder.folders:
        path, form = path + b"/imgs", IMGS
        folder = list_folder(os.path.join(train, path))
        stamps.append(Stamp(path, folder.time))
    if folder.pictures:
        yield clip, form, folder.pictures


def _video(
    train: bytes, path: bytes, clip: bytes, counts: dict[bytes, Stamp], broken: list[str], stamps: list[Stamp]
) -> Iterator[tuple[bytes, int, int]]:
    """The clip of a video."""
    full = Path(os.fsdecode(os.path.join(train, path)))
    try:
        now = full.stat()
        known = counts.get(path)
        if known and (known.time, known.size) == (now.st_mtime_ns, now.st_size):
            frames = known.frames
        else:
            with VideoReader(full) as reader:
                frames = len(reader)
    except CaptureError as error:
        broken.append(str(error))
        return
    except OSError as error:
        broken.append(f"{full}: can't be read ({error.strerror})")
        return
    stamps.append(Stamp(path, now.st_mtime_ns, now.st_size, frames))
    yield clip, VIDEO, frames


def _without_folders(folder: Folder) -> list[bytes]:
    """The videos that have no folder of the same name beside them; such a folder holds their frames."""
    there = set(folder.folders)
    return [name for name in folder.videos if os.path.splitext(name)[0] not in there]


def _count(frames: list[bytes] | int) -> int:
    return frames if isinstance(frames, int) else len(frames)


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:  # for example a link to itself
        return False
