"""Animated pictures as videos: GIF, APNG, animated WebP and animated AVIF, with each frame's own duration."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError, Refused
from capture.io.colour import to_srgb
from capture.io.images import eight_bit, is_enormous
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
        image = self._open()
        count = frame_count(image)
        times, now = [], Fraction(0)
        for i in range(count):
            self._decode(image, i, count)
            times.append(round(now / UNIT))
            shown = Fraction(image.info.get("duration") or 0).limit_denominator(1000)  # ms
            now += Fraction(shown if shown > SHORTEST else INSTEAD, 1000)
        return VideoIndex(count, np.array(times, np.int64), np.zeros(1, np.int64), UNIT, round(now / UNIT) - times[-1])

    def rate(self, index: VideoIndex) -> Fraction:
        """Frames a second, on average."""
        return Fraction(index.count) / index.seconds()[-1]

    def find(self, i: int, index: VideoIndex) -> Image.Image:
        """Frame i, RGB or RGBA, as the frames up to it have left it."""
        image = self._open()
        self._decode(image, i, index.count)
        scaled = eight_bit(image, self.path)
        if scaled is not image:
            return scaled
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

    def _open(self) -> Image.Image:
        if self._image is not None:
            return self._image
        try:
            image: Any = Image.open(self.path, formats=ANIMATION_FORMATS)
        except FileNotFoundError:
            raise CaptureError(f"{self.path}: no such file") from None
        except Exception as error:
            raise self._complaint(error, "not an animation that can be read") from None
        self._image = image
        if image.format == "WEBP":
            # frames that cover only a part of the canvas leave the rest transparent, whether or not the header has the
            # flag for transparency, by which alone Pillow goes
            image._mode = image.rawmode = "RGBA"
        if is_enormous(*image.size):
            raise CaptureError(f"{self.path}: frames of {image.width}x{image.height}; shrink the animation")
        return self._image

    def _decode(self, image: Image.Image, i: int, count: int) -> None:
        try:
            image.seek(i + frames_before(image))
            image.load()
        except Exception as error:  # decoders raise whatever they like on broken data
            raise self._complaint(error, f"frame {i} of {count} is damaged") from None

    def _complaint(self, error: Exception, what: str) -> CaptureError:
        if isinstance(error, (OSError, MemoryError)) and (refused := Refused.reading(self.path, error)):
            return refused
        why = " ".join(str(error).split()) or type(error).__name__
        return CaptureError(f"{self.path}: {what} ({why}); copy or convert the file again")
