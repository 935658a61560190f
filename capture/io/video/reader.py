"""Videos as data: frame i of a .mp4, .avi, .mov, .mkv or .webm file, without decoding what comes before its keyframe.

Frame i is the i-th that a player shows: reordered (B) frames are in their place, what an edit list leaves out is left
out. index.py says which frames there are, stream.py decodes them, picture.py makes upright
RGB pictures of them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from capture.common.errors import CaptureError
from capture.io.video.index import VideoIndex, index_video
from capture.io.video.picture import PictureMaker
from capture.io.video.stream import VideoStream

VIDEO_EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv", ".webm")


def is_video(path: Path) -> bool:
    """Whether a file's name says it is a video (hidden files are not)."""
    return path.suffix.lower() in VIDEO_EXTENSIONS and not path.name.startswith(".")


class VideoReader:
    """A video as a sequence of RGB pictures.

    Nothing is opened before the first use, and each process opens the file for itself: a reader can be pickled, and
    used on both sides of a fork. One reader is for one thread at a time.

    Raises (from len() and read()):
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
        """The number of frames; the file is read once for it, and decoded only if its timestamps can't be relied on."""
        return len(self._indexed())

    def read(self, i: int) -> Image.Image:
        """Frame i (0 <= i < len): RGB, upright, transparency over white.

        The next frame is decoded, one further on after those between, any other from the keyframe before it.
        """
        index = self._indexed()
        if not 0 <= i < len(index):
            raise IndexError(f"{self.path}: frame {i} of {len(index)}")
        self._leave_to_parent()
        if i != self._at:
            try:
                self._picture = self._find(i, index)
                self._at = i
            except BaseException:
                self.close()
                raise
        assert self._picture is not None
        return self._picture.copy()

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average; 25 where the file doesn't say."""
        self._leave_to_parent()
        stream = self._open() if self._stream is None else self._stream
        return stream.stream.average_rate or Fraction(25)

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        self._leave_to_parent()
        if self._stream is not None:
            self._stream.close()
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
        self._stream: VideoStream | None = None
        self._frames: Iterator[Any] = iter(())
        self._next = 0  # the frame that _frames gives next, unless something is wrong with the file
        self._at = -1
        self._picture = None
        self._process = os.getpid()

    def _leave_to_parent(self) -> None:
        if self._process != os.getpid():  # after a fork the file's position is the parent's
            self._forget()

    def _indexed(self) -> VideoIndex:
        if self._index is None:
            self._index = index_video(self.path)
        return self._index

    def _find(self, i: int, index: VideoIndex) -> Image.Image:
        """Go on decoding where no keyframe lies between, else from a keyframe, else from the beginning."""
        if self._stream is not None and self._next <= i and index.key_before(i) <= self._next:
            frame = self._forward(i, index)
            if frame is not None:
                return self._make(frame)
        for key in itertools.islice(index.keys_before(i), 2):  # the second where the first needs what is before it
            frame = self._forward(i, index) if self._seek(key, index) else None
            if frame is not None:
                return self._make(frame)
        stream = self._open()
        frame = self._forward(i, index)
        if frame is None:
            why = f" ({stream.damage})" if stream.damage else ""
            raise CaptureError(
                f"{self.path}: frame {i} of {len(index)} is damaged{why}; copy or convert the file again"
            )
        return self._make(frame)

    def _open(self) -> VideoStream:
        """Decode from the first packet on."""
        if self._stream is not None:
            self._stream.close()
        stream = self._stream = VideoStream(self.path)
        self._make = PictureMaker(self.path, stream.stream.sample_aspect_ratio)
        self._frames, self._next = stream.frames(), 0
        return stream

    def _seek(self, key: int, index: VideoIndex) -> bool:
        """Decode from keyframe `key` on; whether the file can be entered there."""
        stream = self._open() if self._stream is None else self._stream
        if index.times is None or not stream.seek(int(index.times[key])):
            return False
        self._frames, self._next = stream.frames(), key
        return True

    def _forward(self, i: int, index: VideoIndex) -> Any:
        """Decode up to frame i; None where it doesn't come or comes damaged."""
        for frame in self._frames:
            if index.times is None:
                number = self._next
            elif (found := index.number(frame.pts)) is not None:
                number = found
            else:  # a frame that no player shows
                continue
            self._next = number + 1
            if number >= i:
                return frame if number == i and not frame.is_corrupt else None
        return None


def video_frames(path: str | Path, every: int = 1) -> Iterator[Image.Image]:
    """Frames 0, every, 2 every, ... of a video, in order.

    Raises:
        CaptureError: see VideoReader.
    """
    with VideoReader(path) as reader:
        for i in range(0, len(reader), every):
            yield reader.read(i)
