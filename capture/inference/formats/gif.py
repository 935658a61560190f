"""Endless animated GIFs: 256 colours a frame, one of them transparent, times in hundredths of a second.

Frames are compressed as they come, so that a long animation takes no more memory than a short one.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import GifImagePlugin, Image

from capture.inference.formats.base import Timeline, Write, as_image, box_of, changed_box, cropped, file_of_frames

OPAQUE = 128  # the least alpha that is shown: GIF knows no half-transparent pixels
SHORTEST, LONGEST = 2, 65_535  # hundredths of a second; browsers slow down what is shorter
COLOURS = 256
_KEEP, _CLEAR = 1, 2  # disposal: what becomes of a frame when the next one comes
_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@contextlib.contextmanager
def gif_file(path: Path, timeline: Timeline) -> Iterator[Write]:
    """An animated GIF, there when it is whole; of more than 50 frames a second it holds those that it has time for.

    Opaque frames store what has changed. Frames with alpha store what is opaque (alpha of a half or more) and are
    cleared before the next one.
    """
    given = timeline.durations_of_at_least(SHORTEST, per_second=100)  # 0 for a frame that is left out
    durations = [min(duration, LONGEST) for duration in given if duration]

    def write_frame(file: IO[bytes], picture: np.ndarray, before: np.ndarray | None, number: int) -> None:
        if number == 0:
            # no palette for all: each frame has its own
            file.write(b"GIF89a" + struct.pack("<HHBBB", picture.shape[1], picture.shape[0], 0x70, 0, 0) + _FOREVER)
        if picture.shape[2] == 4:
            opaque = picture[..., 3] >= OPAQUE
            box = box_of(opaque)
            frame = _with_transparent_colour(cropped(picture, box)[..., :3], cropped(opaque[..., None], box)[..., 0])
            disposal, clear = _CLEAR, {"transparency": COLOURS - 1}
        else:
            box = changed_box(picture, before)
            frame = as_image(cropped(picture, box)).quantize(COLOURS, dither=Image.Dither.NONE)
            disposal, clear = _KEEP, {}
        blocks = GifImagePlugin.getdata(
            frame, box[:2], duration=10 * durations[number], disposal=disposal, include_color_table=True, **clear
        )
        file.write(b"".join(blocks))

    shown = iter(given)
    with file_of_frames(path, write_frame, lambda file: file.write(b";")) as write_shown:

        def write(picture: np.ndarray) -> None:
            if next(shown):
                write_shown(picture)

        yield write


def _with_transparent_colour(colours: np.ndarray, opaque: np.ndarray) -> Image.Image:
    """A picture with a palette whose last colour is the transparent one.

    Args:
        colours: uint8 (H, W, 3).  opaque: bool (H, W).
    """
    shown = colours.copy()
    shown[~opaque] = colours[opaque][0] if opaque.any() else 0  # what nobody sees takes no place in the palette
    image = as_image(shown).quantize(COLOURS - 1, dither=Image.Dither.NONE)
    indices = np.where(opaque, np.asarray(image), COLOURS - 1).astype(np.uint8)
    palette = (image.getpalette() or [])[: 3 * (COLOURS - 1)]
    frame = Image.frombytes("P", image.size, indices.tobytes())
    frame.putpalette([*palette, *[0] * (3 * COLOURS - len(palette))])
    return frame
