"""Animated pictures as videos: GIF, APNG, animated WebP and animated AVIF, with each frame's own duration."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError, Refused
from capture.io.colour import to_srgb
from capture.io.images import is_enormous
from capture.io.video.index import VideoIndex
from capture.io.video.names import ANIMATION_FORMATS, frame_count, frames_before

UNIT = Fraction(1, 90_000)  # s; of the times of frames
# browsers show frames that claim 10 ms or less for 100 ms: such files were made for that
SHORTEST, INSTEAD = 10, 100  # ms


class Animation:
    """An open file; see capture.io.video.reader.VideoReader, which opens it for each process."""

    def __init__(self, path: Path):
        self.path = path
        self._image: Image.Image | None = None

    def index(self) -> VideoIndex:
        """All frames are decoded once: most of these formats know a frame's duration when they have come to it."""
        self._open()
        count = frame_count(self._image)
        times, now = [], Fraction(0)
        for i in range(count):
            self._decode(i, count)
            times.append(round(now / UNIT))
            shown = Fraction(self._image.info.get("duration") or 0).limit_denominator(1000)  # ms
            now += Fraction(shown if shown > SHORTEST else INSTEAD, 1000)
        return VideoIndex(count, np.array(times, np.int64), np.zeros(1, np.int64), UNIT, round(now / UNIT) - times[-1])

    def rate(self, index: VideoIndex) -> Fraction:
        """Frames a second, on average."""
        return Fraction(index.count) / index.seconds()[-1]

    def find(self, i: int, index: VideoIndex) -> Image.Image:
        """Frame i, RGB or RGBA, as the frames up to it have left it."""
        self._open()
        self._decode(i, index.count)
        image = self._image
        profile = image.info.get("icc_profile")
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            rgba = image.convert("RGBA")
            if rgba.getchannel("A").getextrema()[0] == 255:
                return to_srgb(rgba.convert("RGB"), profile)
            if profile:
                rgb = to_srgb(rgba.convert("RGB"), profile)
                rgb.putalpha(rgba.getchannel("A"))
                return rgb
            return rgba
        return to_srgb(image.convert("RGB") if image.mode == "P" else image.copy(), profile).convert("RGB")

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
        self._image = None

    def _open(self) -> None:
        if self._image is not None:
            return
        try:
            self._image = Image.open(self.path, formats=ANIMATION_FORMATS)
        except FileNotFoundError:
            raise CaptureError(f"{self.path}: no such file") from None
        except Exception as error:
            raise self._complaint(error, "not an animation that can be read") from None
        if self._image.format == "WEBP" and hasattr(self._image, "rawmode"):
            # frames that cover only a part of the canvas leave the rest transparent, whether or not the header has the
            # flag for transparency, by which alone Pillow goes
            self._image._mode = self._image.rawmode = "RGBA"
        if is_enormous(*self._image.size):
            raise CaptureError(f"{self.path}: frames of {self._image.width}x{self._image.height}; shrink the animation")

    def _decode(self, i: int, count: int) -> None:
        try:
            self._image.seek(i + frames_before(self._image))
            self._image.load()
        except Exception as error:  # decoders raise whatever they like on broken data
            raise self._complaint(error, f"frame {i} of {count} is damaged") from None

    def _complaint(self, error: Exception, what: str) -> CaptureError:
        if isinstance(error, (OSError, MemoryError)) and (refused := Refused.reading(self.path, error)):
            return refused
        why = " ".join(str(error).split()) or type(error).__name__
        return CaptureError(f"{self.path}: {what} ({why}); copy or convert the file again")
