"""VP9 in .webm with the driver's sound as Opus or Vorbis; transparent where the pictures are."""

from __future__ import annotations

import contextlib
from pathlib import Path

import av

from capture.common.errors import CaptureError
from capture.inference.formats.base import Timeline, Write
from capture.inference.formats.encoder import Encoding, film_file
from capture.inference.formats.sound import SoundCodecs

CODEC = "libvpx-vp9"
ENCODING = Encoding(
    container="webm",
    codec=CODEC,
    # Opus knows 48 kHz and blocks of 20 ms; packets before the first picture would shift the pictures
    sound=SoundCodecs(("opus", "vorbis"), "libopus", samples="flt", block=960, rate=48_000, from_zero=True),
    # a constant quality; alternate reference frames can't have alpha; with no lag frames come as they are shown
    options={"crf": "18", "b": "0", "auto-alt-ref": "0", "lag-in-frames": "0", "deadline": "good", "cpu-used": "4"},
    pixels=lambda channels: "yuva420p" if channels == 4 else "yuv420p",
)


def webm_file(path: Path, timeline: Timeline, threads: int = 1) -> contextlib.AbstractContextManager[Write]:
    """A VP9 video, there when it is whole.

    Raises:
        CaptureError: PyAV was built without the encoder.
    """
    if CODEC not in av.codecs_available:
        raise CaptureError(f"{path}: this PyAV has no {CODEC} encoder; use --format mp4, webp or apng")
    return film_file(path, timeline, ENCODING, threads)
