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
from capture.inference.movies import has_sound, movie, movie_path

FILES = {".gif": "gif", ".mp4": "mp4"}


@dataclass(frozen=True)
class Frames(Sequence[Image.Image]):
    """Pictures of one size, in order.

    Attributes:
        frames: RGB pictures.
        times: when each is shown and when the last one goes, in seconds: one value more than there are frames.
        sound: the file whose sound an .mp4 gets; None for none.  start: when the pictures begin in that file.
    """

    frames: list[Image.Image]
    times: list[Fraction]
    sound: Path | None = None
    start: Fraction = Fraction(0)

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return float(len(self.frames) / self.times[-1])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write an endless .gif, an .mp4 with the driver's sound, or, without an ending, a folder of .png files.

        Raises:
            CaptureError: another ending, or a place that can't be written.
        """
        path = Path(path)
        if path.suffix and path.suffix.lower() not in FILES:
            raise CaptureError(f"{path}: frames are saved as {' or '.join(FILES)}, or as .png files in a folder")
        form = FILES.get(path.suffix.lower(), "png")
        stem = path if form == "png" else path.with_suffix("")
        sound = self.sound if form == "mp4" and self.sound and has_sound(self.sound) else None
        with movie(stem, form, self.times, sound, self.start) as write:
            for frame in self.frames:
                write(np.asarray(frame))
        return movie_path(stem, form)

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
