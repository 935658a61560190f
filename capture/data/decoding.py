"""Decoding one frame at the training size, from a picture file or a video, with a cache of recently decoded frames.

JPEGs are decoded at their full size. Decoding at a reduced scale is faster, but gives other pixels than
capture.io.images.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.index.catalog import Catalog
from capture.io.images import open_rgb, to_square
from capture.io.video import VideoReader, is_video

OPEN_VIDEOS = 8  # how many videos a process keeps open


def framed(image: Image.Image, size: int) -> np.ndarray:
    """An RGB picture, padded to a square and resized: uint8 (S, S, 3)."""
    return np.asarray(to_square(image, size), dtype=np.uint8)


def decode_picture(path: Path | None, size: int) -> np.ndarray:
    """A picture file as uint8 (S, S, 3)."""
    assert path is not None  # every frame has a picture; only maps may be missing
    return framed(open_rgb(path), size)


def read_frame(video: VideoReader, position: int) -> Image.Image:
    """The frame of a video at a position that the index of its dataset lists.

    Raises:
        CaptureError: the video can't be read (see VideoReader), or has become shorter.
    """
    if position >= len(video):
        raise CaptureError(
            f"{video.path}: has {len(video)} frames, but had more when it was listed; remove .capture/ from its dataset"
        )
    return video.read(position)


class Recent:
    """A cache of the values that were used last.

    Args:
        budget: the most that the values may cost together; the last one is kept whatever it costs.
        cost: what a value costs, such as its size in bytes.
        drop: called with every value that leaves the cache.
    """

    def __init__(self, budget: int, cost: Callable[[Any], int], drop: Callable[[Any], None] = lambda value: None):
        self.budget, self.cost, self.drop = budget, cost, drop
        self.used = 0
        self._values: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        self._values[key] = value
        self.used += self.cost(value)
        while self.used > self.budget and len(self._values) > 1:
            _, old = self._values.popitem(last=False)
            self.used -= self.cost(old)
            self.drop(old)
        return value

    def __len__(self) -> int:
        return len(self._values)


class FrameReader:
    """Frames of a catalog by number, each decoded when it is read. For one process, and one thread at a time.

    Args:
        keep: how many bytes of decoded frames to keep in memory.
    """

    def __init__(self, catalog: Catalog, size: int, keep: int = 0):
        self.catalog, self.size, self.keep = catalog, size, keep
        self._begin()

    def read(self, number: int) -> np.ndarray:
        """Frame `number` as uint8 (S, S, 3), which must not be written to.

        Raises:
            CaptureError: the frame is gone or broken; the message names the file.
        """
        return self._frames.get(number, lambda: self._decode(number))

    def __getstate__(self) -> dict[str, Any]:
        return {"catalog": self.catalog, "size": self.size, "keep": self.keep}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def _begin(self) -> None:
        self._frames = Recent(self.keep, lambda frame: frame.nbytes)
        self._videos = Recent(OPEN_VIDEOS, lambda video: 1, VideoReader.close)

    def _decode(self, number: int) -> np.ndarray:
        path, position = self.catalog.frame(number)
        if position is None:
            return decode_picture(path, self.size)
        return framed(read_frame(self._videos.get(path, lambda: VideoReader(path)), position), self.size)


def video_frame(video: Path, position: int) -> Path:
    """A path that stands for a frame of a video; decode_path reads it."""
    return video / f"{position:06d}"


def decode_path(path: Path, size: int) -> np.ndarray:
    """A picture file, or a frame that video_frame names, as uint8 (S, S, 3)."""
    return framed(_open_path(path), size)


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture file, or of a frame that video_frame names."""
    return _open_path(path).size


def _open_path(path: Path) -> Image.Image:
    if is_video(path.parent) and path.parent.is_file():
        with VideoReader(path.parent) as reader:
            return reader.read(int(path.name))
    return open_rgb(path)
