"""The frames that a video, an animation or a motion gave: pictures with times, which can be saved."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.drawing import is_transparent
from capture.inference.formats.base import Tag, Timeline
from capture.inference.formats.registry import FORMATS, movie, movie_path

ENDINGS = {**{f".{form}": form for form in ("gif", "mp4", "webm", "webp")}, ".png": "apng", "": "frames"}


@dataclass(frozen=True)
class Frames(Sequence[Image.Image]):
    """Pictures of one size, in order.

    Attributes:
        frames: RGB or RGBA pictures.
        times: when each is shown and when the last one goes, in seconds: one value more than there are frames.
        sound: the file whose sound films get; None for none.  start: when the pictures begin in that file.
        tags: named runs of frames, such as one direction of a walk.
    """

    frames: list[Image.Image]
    times: list[Fraction]
    sound: Path | None = None
    start: Fraction = Fraction(0)
    tags: tuple[Tag, ...] = ()

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return float(len(self.frames) / self.times[-1])

    def save(self, path: str | os.PathLike[str], form: str | None = None) -> Path:
        """Write the frames to a file, or to a folder of numbered pictures.

        Args:
            path: its ending says the format: .gif, .mp4, .webm, .webp, .png (an animated PNG), none (a folder).
            form: one of FORMATS, in place of what the ending says: sheet, with a .png, is a sprite sheet and its JSON.
        Raises:
            CaptureError: another ending or format, one without transparency for transparent frames, or a place that
                can't be written.
        """
        path = Path(path)
        form = form or ENDINGS.get(path.suffix.lower())
        if form not in FORMATS or path.suffix.lower() != FORMATS[form].ending:
            raise CaptureError(f"{path}: frames are saved as .gif, .mp4, .webm, .webp or .png, or in a folder")
        if not FORMATS[form].alpha and any(map(is_transparent, self.frames)):
            others = ", ".join(name for name, other in FORMATS.items() if other.alpha)
            raise CaptureError(f"{path}: {form} has no transparency; choose another background, or one of {others}")
        stem = path.with_suffix("") if FORMATS[form].ending else path
        timeline = Timeline(self.times, self.tags, self._sound(form), self.start)
        with movie(stem, form, timeline) as write:
            for frame in self.frames:
                write(np.asarray(frame))
        return movie_path(stem, form)

    def _sound(self, form: str) -> Path | None:
        """The file whose sound a film of this format gets."""
        if self.sound is None or not FORMATS[form].sound:
            return None
        from capture.inference.formats.sound import has_sound

        return self.sound if has_sound(self.sound) else None

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, i: int) -> Image.Image:  # type: ignore[override]  # a slice is a list, as of any sequence
        return self.frames[i]

    def __iter__(self) -> Iterator[Image.Image]:
        return iter(self.frames)

    def __repr__(self) -> str:
        size = "x".join(map(str, self.frames[0].size)) if self.frames else "no pictures"
        return f"<{len(self)} frames, {size}, {self.fps:.3g} fps>"

    def _repr_html_(self) -> str:
        """An animation, as notebooks show it."""
        import base64
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            data = base64.b64encode(self.save(Path(folder) / "frames.gif").read_bytes()).decode()
        return f'<img alt="{len(self)} frames" src="data:image/gif;base64,{data}">'
