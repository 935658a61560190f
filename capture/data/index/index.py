"""The index of a dataset: its characters, clips and frames in arrays. A file of ten million frames opens at once.

A character is a range of clips, a clip is a range of frames, and a frame is a number. All names are in one array of
bytes, each with a zero at its end. Clips whose frames have the same names share one list of names. The frames of a
video have no names; they are only counted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from capture.io.array_file import Damaged, open_arrays, write_arrays

WHAT = "index of frames, version 1"
PLAIN, IMGS, VIDEO = range(3)  # forms of a clip: a folder of frames, a folder with imgs/ in it, a video file
NO_NAMES = -1
_AT_ONCE = 1 << 15  # names that are checked together


class Stamp(NamedTuple):
    """The state of a folder when it was listed, or of a video when its frames were counted.

    Attributes:
        path: relative to the split.
        time: of the last change, in ns.
        size: bytes of a video; -1 for a folder.
        frames: of a video; -1 for a folder.
    """

    path: bytes
    time: int
    size: int = -1
    frames: int = -1


class Index:
    """Characters, clips and frames by number, in the order of their names.

    Attributes:
        about: plain values that are saved with the index.
        characters, clips, frames: how many.
        clip_at (characters + 1): character c has clips clip_at[c] up to clip_at[c + 1].
        frame_at (clips + 1): clip k has frames frame_at[k] up to frame_at[k + 1].
        clip_name (clips): number of its name; clips of the same name have the same number.
        clip_form (clips): PLAIN, IMGS or VIDEO.
        first_name (clips): number of its first frame's name; the others' follow.
    """

    def __init__(self, about: dict[str, Any], arrays: dict[str, np.ndarray], path: Path | None = None):
        self.about, self._arrays, self._path = about, arrays, path
        self._text, self._text_at = arrays["text"].data, arrays["text_at"]
        self.character_name, self.clip_at = arrays["character_name"], arrays["clip_at"]
        self.clip_name, self.clip_form = arrays["clip_name"], arrays["clip_form"]
        self.frame_at, self.first_name = arrays["frame_at"], arrays["first_name"]
        self.characters, self.clips = len(self.character_name), len(self.clip_name)
        self.frames = int(self.frame_at[-1])

    def __reduce__(self) -> tuple:
        """Pickle the path of a saved index, so that another process maps the same file."""
        if self._path is not None:
            return load_index, (self._path,)
        return Index, (self.about, self._arrays)

    @property
    def flat(self) -> bool:
        """Whether each character is a single clip, as in Fashion."""
        return self.about["flat"]

    def text(self, number: int) -> bytes:
        """The name with this number."""
        return bytes(self._text[self._text_at[number] : self._text_at[number + 1] - 1])

    def clip_of(self, frame: int) -> int:
        """The clip that a frame belongs to."""
        return int(np.searchsorted(self.frame_at, frame, side="right")) - 1

    def character_of(self, clip: int) -> int:
        """The character that a clip belongs to."""
        return int(np.searchsorted(self.clip_at, clip, side="right")) - 1

    def clip_path(self, clip: int) -> bytes:
        """The folder of a clip's frames, or the video, relative to the split."""
        parts = [] if self.flat else [self.text(self.character_name[self.character_of(clip)])]
        parts.append(self.text(self.clip_name[clip]))
        if self.clip_form[clip] == IMGS:
            parts.append(b"imgs")
        return b"/".join(parts)

    def frame_name(self, clip: int, position: int) -> bytes:
        """The file name of a frame of a clip that isn't a video."""
        return self.text(self.first_name[clip] + position)

    def same_frame(self, frame: int, character: int) -> int | None:
        """The frame of the same name in the clip of the same name of `character`; None if there is none."""
        clip = self.clip_of(frame)
        position = frame - int(self.frame_at[clip])
        first = int(self.clip_at[character])
        found = np.flatnonzero(self.clip_name[first : self.clip_at[character + 1]] == self.clip_name[clip])
        if not len(found):
            return None
        other = first + int(found[0])
        at, count = int(self.frame_at[other]), int(self.frame_at[other + 1] - self.frame_at[other])
        if self.first_name[other] == self.first_name[clip]:  # one list of names, or two videos
            return at + position if position < count else None
        if NO_NAMES in (self.first_name[other], self.first_name[clip]):
            return None
        there = self._position(other, count, self.frame_name(clip, position))
        return None if there is None else at + there

    def stamps(self) -> list[Stamp]:
        """The folders and videos that the index was made from."""
        times, sizes, counts = (self._arrays[f"stamp_{name}"].tolist() for name in ("time", "size", "frames"))
        first = self.about["first_stamp"]
        names = bytes(self._text[self._text_at[first] : self._text_at[first + len(times)]]).split(b"\0")
        return [Stamp(*parts) for parts in zip(names, times, sizes, counts)]

    def _position(self, clip: int, count: int, name: bytes) -> int | None:
        low, high = 0, count  # names are in order
        while low < high:
            middle = (low + high) // 2
            found = self.frame_name(clip, middle)
            if found == name:
                return middle
            low, high = (middle + 1, high) if found < name else (low, middle)
        return None


class IndexBuilder:
    """Builds an index, character by character.

        builder.add_character(b"anna", [(b"run", IMGS, [b"000.png", b"001.png"]), (b"jump.mp4", VIDEO, 250)])

    Frames, clips and characters keep the order they are given in; the names of a clip's frames must be in order.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._lengths: list[int] = []
        self._known: dict[bytes, int] = {}
        self._lists: dict[Any, int] = {}
        self._count = 0  # names so far
        self._characters: list[int] = []
        self._clips_of = [0]
        self._clips: list[tuple[int, int, int, int]] = []

    def add_character(self, name: bytes, clips: Sequence[tuple[bytes, int, Sequence[bytes] | int]]) -> None:
        """Add a character with its clips, each (name, form, names of the frames, or for a VIDEO their number)."""
        self._characters.append(self._name(name))
        for clip, form, frames in clips:
            if isinstance(frames, int):  # a video
                self._clips.append((self._name(clip), form, NO_NAMES, frames))
            else:
                self._clips.append((self._name(clip), form, self._list(frames), len(frames)))
        self._clips_of.append(len(self._clips))

    def finish(self, about: dict[str, Any], stamps: Sequence[Stamp] = (), flat: bool = False) -> Index:
        """The finished index, which uses the builder's memory. The builder can't be used afterwards."""
        first_stamp = self._append([stamp.path for stamp in stamps])
        clips = np.array(self._clips, np.int64).reshape(-1, 4)
        lengths = np.concatenate(self._lengths) if self._lengths else np.zeros(0, np.uint16)
        text_at = np.zeros(len(lengths) + 1, np.uint32 if len(self._text) < 2**32 else np.int64)
        np.cumsum(lengths, out=text_at[1:])
        arrays = {
            "text": np.frombuffer(self._text, np.uint8),
            "text_at": text_at,
            "character_name": np.array(self._characters, np.int64),
            "clip_at": np.array(self._clips_of, np.int64),
            "clip_name": clips[:, 0].copy(),
            "clip_form": clips[:, 1].astype(np.uint8),
            "first_name": clips[:, 2].copy(),
            "frame_at": np.concatenate([[0], np.cumsum(clips[:, 3])]).astype(np.int64),
            "stamp_time": np.array([stamp.time for stamp in stamps], np.int64),
            "stamp_size": np.array([stamp.size for stamp in stamps], np.int64),
            "stamp_frames": np.array([stamp.frames for stamp in stamps], np.int64),
        }
        return Index({**about, "flat": flat, "first_stamp": first_stamp}, arrays)

    def _name(self, name: bytes) -> int:
        if name not in self._known:
            self._known[name] = self._append([name])
        return self._known[name]

    def _list(self, names: Sequence[bytes]) -> int:
        """The number of the first of `names`; a list that is stored already is not stored again."""
        digest = hashlib.blake2b(b"\0".join(names), digest_size=16).digest()
        if digest not in self._lists:
            self._lists[digest] = self._append(names)
        return self._lists[digest]

    def _append(self, names: Sequence[bytes]) -> int:
        first = self._count
        if names:
            self._text += b"\0".join(names) + b"\0"
            self._lengths.append(np.fromiter(map(len, names), np.uint16, len(names)) + np.uint16(1))
            self._count += len(names)
        return first


def save_index(index: Index, path: Path) -> None:
    """Write an index to a file.

    Raises:
        CaptureError: the disk is full or the folder can't be written.
    """
    write_arrays(path, WHAT, index.about, index._arrays)


def load_index(path: str | os.PathLike) -> Index:
    """Open a saved index. Its checksum is compared, and only the parts that are used stay in memory.

    Raises:
        Damaged: another version, another kind of file, or not as it was written.
        OSError: missing or unreadable.
    """
    try:
        good = _consistent(
            *open_arrays(Path(path), WHAT, check=True)
        )  # this mapping, and the memory it used, are released
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        good = False
    if not good:
        raise Damaged("its numbers contradict one another")
    about, arrays = open_arrays(Path(path), WHAT)
    return Index(about, arrays, Path(path))


def _consistent(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> bool:
    """Whether all numbers are in range and no name leads out of the split.

    A dataset from elsewhere may contain an index.
    """
    text, text_at, first_stamp = arrays["text"], arrays["text_at"], about["first_stamp"]
    names = len(text_at) - 1
    if not isinstance(about["flat"], bool) or type(first_stamp) is not int or not 0 <= first_stamp <= names:
        return False
    if any(array.ndim != 1 or array.dtype.kind not in "iu" for array in arrays.values()) or text.dtype != np.uint8:
        return False
    if text_at[0] != 0 or text_at[-1] != len(text):
        return False
    edges = [*range(0, first_stamp, _AT_ONCE), *range(first_stamp, names, _AT_ONCE), names]
    for start, end in zip(edges, edges[1:]):  # all names at once would take memory that isn't released
        if not _good_names(text, text_at[start : end + 1].astype(np.int64), of_files=start < first_stamp):
            return False
    clips, clip_at, frame_at = len(arrays["clip_name"]), arrays["clip_at"], arrays["frame_at"]
    if not (_ascending(clip_at, clips) and _ascending(frame_at, int(frame_at[-1]))):
        return False
    if len(clip_at) != len(arrays["character_name"]) + 1 or len(frame_at) != clips + 1:
        return False
    form, first, counts = arrays["clip_form"], arrays["first_name"], np.diff(frame_at)
    if len(form) != clips or len(first) != clips or (np.diff(frame_at[clip_at]) < 2).any():
        return False
    named = form != VIDEO
    if not np.isin(form, (PLAIN, IMGS, VIDEO)).all() or ((first == NO_NAMES) != ~named).any():
        return False
    last = first[named] + (counts[named] if len(counts) else 0)
    stamps = {len(arrays[f"stamp_{name}"]) for name in ("time", "size", "frames")}
    called = (arrays["character_name"], arrays["clip_name"])
    return (
        all(((numbers >= 0) & (numbers < first_stamp)).all() for numbers in called)
        and bool((first[named] >= 0).all() and (last <= first_stamp).all())
        and len(stamps) == 1
        and first_stamp + stamps.pop() <= names
    )


def _good_names(text: np.ndarray, at: np.ndarray, of_files: bool) -> bool:
    """Whether each name ends with a zero, and names of files are neither hidden (nor "..") nor hold a slash."""
    if (np.diff(at) < 1).any() or at[-1] > len(text) or text[at[1:] - 1].any():
        return False
    piece = text[at[0] : at[-1]]
    if np.count_nonzero(piece == 0) != len(at) - 1:
        return False
    return not of_files or not ((text[at[:-1]] == ord(".")).any() or (piece == ord("/")).any())


def _ascending(numbers: np.ndarray, end: int) -> bool:
    """Whether the numbers increase from 0 to `end`."""
    return int(numbers[0]) == 0 and int(numbers[-1]) == end and bool((np.diff(numbers.astype(np.int64)) > 0).all())
