"""The formats of animations by name: what writes each of them, and where.

Writers are imported when they are used: only films need FFmpeg's library.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.common.threads import available_cores
from capture.inference.formats.base import Colour, Timeline, Write
from capture.inference.formats.sheet import SheetOptions
from capture.io.images import WHITE

MOST_THREADS = 4  # of one encoder


@dataclass(frozen=True)
class Settings:
    """What is the same for all files of a run.

    Attributes:
        ground: what formats without transparency are composited over.
        threads: of one encoder.
        sheet: how sprite sheets are laid out.
    """

    ground: Colour = WHITE
    threads: int = 1
    sheet: SheetOptions = SheetOptions()


Writer = contextlib.AbstractContextManager[Write]


def _mp4(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.mp4 import mp4_file

    return mp4_file(path, timeline, settings.ground, settings.threads)


def _webm(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.webm import webm_file

    return webm_file(path, timeline, settings.threads)


def _gif(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.gif import gif_file

    return gif_file(path, timeline)


def _apng(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.apng import apng_file

    return apng_file(path, timeline)


def _webp(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.webp import webp_file

    return webp_file(path, timeline)


def _sheet(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.sheet import sheet_file

    return sheet_file(path, timeline, settings.sheet)


def _frames(path: Path, timeline: Timeline, settings: Settings) -> Writer:
    from capture.inference.formats.frames import frames_folder

    return frames_folder(path)


@dataclass(frozen=True)
class Format:
    """One way to store an animation.

    Attributes:
        ending: of the file's name; "" for a folder.
        sound, alpha: whether it holds sound and transparency.
        beside: the format of the comparison that is written beside it.
    """

    write: Callable[[Path, Timeline, Settings], Writer]
    ending: str
    sound: bool = False
    alpha: bool = True
    beside: str = ""


FORMATS = {
    "mp4": Format(_mp4, ".mp4", sound=True, alpha=False),
    "webm": Format(_webm, ".webm", sound=True),
    "gif": Format(_gif, ".gif"),
    "apng": Format(_apng, ".png"),
    "webp": Format(_webp, ".webp"),
    "sheet": Format(_sheet, ".png", beside="webp"),  # nobody needs a sheet of comparisons
    "frames": Format(_frames, ""),
}


def movie(path: Path, form: str, timeline: Timeline, settings: Settings | None = None) -> Writer:
    """What writes an animation of `form` (one of FORMATS) to `path`, which is named without an ending."""
    return FORMATS[form].write(movie_path(path, form), timeline, settings or Settings())


def movie_path(path: Path, form: str) -> Path:
    """Where `movie` writes."""
    return path.with_name(path.name + FORMATS[form].ending)


def encoder_threads(encoders: int) -> int:
    """Threads for each of some encoders that work at once: no more than there are cores, all together, but 1 each."""
    return max(1, min(MOST_THREADS, available_cores() // encoders))
