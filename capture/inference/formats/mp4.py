"""H.264 in .mp4 with the driver's sound; it has no transparency."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from capture.inference.formats.base import Colour, Timeline, Write, over_ground
from capture.inference.formats.encoder import Encoding, film_file
from capture.inference.formats.sound import SoundCodecs
from capture.io.images import WHITE

ENCODING = Encoding(
    container="mp4",
    codec="libx264",
    sound=SoundCodecs(("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"), "aac", samples="fltp", block=1024),
    # of x264's scale, on which 18 can hardly be told from the original; without B frames every frame is stored when it
    # is shown, so that durations are exactly the driver's
    options={"crf": "16", "bf": "0"},
    pixels=lambda channels: "yuv420p",
    even=True,
)


@contextlib.contextmanager
def mp4_file(path: Path, timeline: Timeline, ground: Colour = WHITE, threads: int = 1) -> Iterator[Write]:
    """An H.264 video, there when it is whole; transparency is composited over `ground`."""
    with film_file(path, timeline, ENCODING, threads) as write:

        def write_opaque(picture: np.ndarray) -> None:
            write(over_ground(picture, ground))

        yield write_opaque
