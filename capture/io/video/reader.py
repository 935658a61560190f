"""Videos as data: frame i of a film (.mp4, .mkv, ...) or of an animation (GIF, APNG, WebP, AVIF), and when it is shown.

Frame i is the i-th that a player shows: reordered (B) frames are in their place, what an edit list leaves out is left
out. film.py and animation.py decode the two kinds of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from capture.io.images import WHITE, over_ground
from capture.io.video.animation import Animation
from capture.io.video.index import VideoIndex
from capture.io.video.names import is_animation

if TYPE_CHECKING:
    from capture.io.video.film import Film


class VideoReader:
    """A video as a sequence of pictures.

    Nothing is opened before the first use, and each process opens the file for itself: a reader can be pickled, and
    used on both sides of a fork. One reader is for one thread at a time.

    Raises (from everything that reads):
        CaptureError: missing, not a video, cut off, without a video stream or frames, enormous, or damaged; the
            message names the file, and the frame where one is damaged.
    """

    _at: int  # the frame that _picture shows, -1 for none
    _picture: Image.Image | None

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._index: VideoIndex | None = None
        self._forget()

    def __len__(self) -> int:
        """The number of frames; the file is read once for it, and decoded only where nothing less can tell."""
        return len(self._indexed())

    def read(self, i: int, ground: tuple[int, int, int] = WHITE) -> Image.Image:
        """Frame i (0 <= i < len): RGB, upright, transparency over `ground`.

        The next frame is decoded, one further on after those between, any other from the keyframe before it.
        """
        return over_ground(self.read_upright(i), ground)

    def read_upright(self, i: int) -> Image.Image:
        """Frame i (0 <= i < len), upright: RGB, or RGBA where the video has transparency."""
        index = self._indexed()
        if not 0 <= i < len(index):
            raise IndexError(f"{self.path}: frame {i} of {len(index)}")
        if i != self._at:
            try:
                self._picture, self._at = self._opened().find(i, index), i
            except BaseException:
                self.close()
                raise
        assert self._picture is not None
        return self._picture.copy()

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average; 25 where the file doesn't say."""
        return self._opened().rate(self._indexed())

    @property
    def times(self) -> list[Fraction]:
        """When each frame is shown, in seconds since the first, and when the last one goes: len + 1 values."""
        index = self._indexed()
        if index.times is None:
            return [i / self.rate for i in range(len(index) + 1)]
        return index.seconds(1 / self.rate)

    @property
    def start(self) -> Fraction:
        """When the first frame is shown, in seconds of the file's own clock, which its sound goes by."""
        index = self._indexed()
        return Fraction(0) if index.times is None else int(index.times[0]) * index.unit

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        self._leave_to_parent()
        if self._source is not None:
            self._source.close()
        self._forget()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_index": self._index}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._source: Film | Animation | None = None
        self._at = -1
        self._picture = None
        self._process = os.getpid()

    def _leave_to_parent(self) -> None:
        if self._process != os.getpid():  # after a fork the file's position is the parent's
            self._forget()

    def _opened(self) -> Film | Animation:
        self._leave_to_parent()
        if self._source is None:
            if is_animation(self.path):
                self._source = Animation(self.path)
            else:
                from capture.io.video.film import Film  # imported when used: rendering pictures needs no PyAV

                self._source = Film(self.path)
        return self._source

    def _indexed(self) -> VideoIndex:
        self._leave_to_parent()
        if self._index is None:
            self._index = self._opened().index()
        return self._index


def video_frames(path: str | Path, every: int = 1) -> Iterator[Image.Image]:
    """Frames 0, every, 2 every, ... of a video, in order.

    Raises:
        CaptureError: see VideoReader.
    """
    with VideoReader(path) as reader:
        for i in range(0, len(reader), every):
            yield reader.read(i)
