"""A film's frames by number, decoded from the keyframe before each: .mp4, .mkv and all else that FFmpeg reads.

index.py says which frames there are, stream.py decodes them, picture.py makes upright pictures of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from capture.common.errors import CaptureError
from capture.io.video.index import VideoIndex, index_video
from capture.io.video.picture import PictureMaker
from capture.io.video.stream import VideoStream


class Film:
    """An open file; see capture.io.video.reader.VideoReader, which opens it for each process."""

    def __init__(self, path: Path):
        self.path = path
        self._stream: VideoStream | None = None
        self._frames: Iterator[Any] = iter(())
        self._next = 0  # the frame that _frames gives next, unless something is wrong with the file

    def index(self) -> VideoIndex:
        """Which frames there are; the file is decoded for it only if its timestamps can't be relied on."""
        return index_video(self.path)

    def rate(self, index: VideoIndex) -> Fraction:
        """Frames a second, on average; 25 where the file doesn't say."""
        stream = self._open() if self._stream is None else self._stream
        return stream.stream.average_rate or Fraction(25)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def find(self, i: int, index: VideoIndex) -> Image.Image:
        """Frame i, RGB or RGBA: decode on where no keyframe lies between, else from a keyframe, else from the start."""
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
