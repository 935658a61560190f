"""What every writer of an animation is told, and what the writers share.

A writer is a context manager that yields a function; the function takes the pictures one after another. A picture is
uint8 (height, width, 3), or (height, width, 4) with straight alpha. All pictures of one file have the same shape.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from capture.common.files import atomic_file
from capture.io.images import WHITE

Write = Callable[[np.ndarray], None]  # takes the next picture
# the open file, the next picture, the one before it, which is None for the first, and its number from 0
WriteFrame = Callable[[IO[bytes], np.ndarray, np.ndarray | None, int], None]
Box = tuple[int, int, int, int]  # left, top, right, bottom
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Tag:
    """A named run of frames, such as one direction of a walk; `last` belongs to it."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Timeline:
    """When frames are shown, and what belongs to them.

    Attributes:
        times: when each frame is shown and when the last one goes, in seconds: one value more than there are frames.
        tags: named runs of frames, in order.
        sound: a file whose sound goes with the pictures; None for silence.
        start: when the pictures begin in that file, in seconds.
    """

    times: Sequence[Fraction]
    tags: Sequence[Tag] = ()
    sound: Path | None = None
    start: Fraction = Fraction(0)

    def __len__(self) -> int:
        return len(self.times) - 1

    def durations(self, per_second: int) -> list[int]:
        """How long each frame is shown, in whole units: what rounding adds or leaves out goes to the next frame."""
        shown, durations = 0, []
        for end in self.times[1:]:
            durations.append(max(1, round(end * per_second) - shown))
            shown += durations[-1]
        return durations

    def durations_of_at_least(self, least: int, per_second: int) -> list[int]:
        """How long each frame is shown where none can be shown for less than `least` units; 0: a frame is left out.

        A frame is shown from its own time on, or later, when the frame before it has been shown for `least` units. It
        is left out where its own time is over by then, or where fewer than `least` units remain until the last frame
        goes. So the frames that are shown begin within their own times, and the sum is the length of the whole
        animation, or `least` where that is shorter.

        Args:
            least: the shortest duration, in units.  per_second: units of a second.
        """
        ends = [round(end * per_second) for end in self.times[1:]]
        shown, begins = [0], [0]  # the numbers of the frames that are shown, and when each of them begins
        for i in range(1, len(ends)):
            begin = max(ends[i - 1], begins[-1] + least)
            if begin < ends[i] and begin + least <= ends[-1]:
                shown.append(i)
                begins.append(begin)
        durations = [0] * len(ends)
        for i, begin, end in zip(shown, begins, [*begins[1:], max(ends[-1], least)]):
            durations[i] = end - begin
        return durations


@contextlib.contextmanager
def file_of_frames(path: Path, write_frame: WriteFrame, finish: Callable[[IO[bytes]], object]) -> Iterator[Write]:
    """A writer whose file is there when it is whole.

    Args:
        write_frame: is called for every picture.  finish: is called after the last one.
    """
    before: np.ndarray | None = None
    number = 0
    with atomic_file(path) as file:

        def write(picture: np.ndarray) -> None:
            nonlocal before, number
            write_frame(file, picture, before, number)
            before, number = picture.copy(), number + 1

        yield write
        finish(file)


def over_ground(picture: np.ndarray, ground: Colour = WHITE) -> np.ndarray:
    """A picture composited over a flat colour, uint8 (H, W, 3)."""
    if picture.shape[2] == 3:
        return picture
    alpha = picture[..., 3:].astype(np.uint32)  # (H, W, 1)
    mixed = picture[..., :3] * alpha + np.array(ground, np.uint32) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def as_image(picture: np.ndarray) -> Image.Image:
    """RGB or RGBA, by the number of channels."""
    return Image.fromarray(np.ascontiguousarray(picture))


def changed_box(picture: np.ndarray, before: np.ndarray | None) -> Box:
    """The smallest box of all pixels in which two pictures differ; one pixel where they are the same."""
    if before is None:
        return 0, 0, picture.shape[1], picture.shape[0]
    return box_of((picture != before).any(-1))


def box_of(mask: np.ndarray) -> Box:
    """The smallest box around what is true in (H, W); one pixel where nothing is."""
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def cropped(picture: np.ndarray, box: Box) -> np.ndarray:
    """What a box shows of a picture."""
    left, top, right, bottom = box
    return picture[top:bottom, left:right]
