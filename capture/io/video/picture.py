"""A decoded frame as people see it: RGB, or RGBA where it has transparency, upright, with square pixels."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, VideoReformatter
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.images import WHITE, is_enormous

TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}
# swscale's BILINEAR | FULL_CHR_H_INT | ACCURATE_RND: exact to half a level, where its default makes white 254
EXACT = 2 | 0x2000 | 0x40000


class PictureMaker:
    """Makes pictures of the frames of one video; colours that carry no tag are BT.601, as FFmpeg takes them.

    Args:
        path: for messages.
        aspect: width of a pixel over its height; None where the file doesn't say.
    """

    def __init__(self, path: Path, aspect: Fraction | None):
        self.path, self.aspect = path, aspect if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1)
        self._reformatter = VideoReformatter()  # one for all frames: making it takes longer than using it

    def __call__(self, frame: Any) -> Image.Image:
        """An av.VideoFrame of any pixel format -> RGB or RGBA picture.

        Raises:
            CaptureError: it is enormous.
        """
        width, height = frame.width, frame.height
        if self.aspect > 1:
            width = round(width * self.aspect)
        else:
            height = round(height / self.aspect)
        if is_enormous(width, height):
            raise CaptureError(f"{self.path}: a frame of {width}x{height}; shrink the video")
        image = self._decoded(frame)
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        return _upright(image, frame)

    def _decoded(self, frame: Any) -> Image.Image:
        parts = frame.format.components
        if frame.format.has_palette or any(part.is_alpha for part in parts):
            return Image.fromarray(self._pixels(frame, "rgba"))
        pixels = self._pixels(frame, "rgb24")
        if len(parts) == 1 and frame.color_range == ColorRange.MPEG:
            # swscale takes every gray for black at 0 and white at 255
            pixels = np.clip((pixels.astype(np.float32) - 16) * (255 / 219) + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(pixels)

    def _pixels(self, frame: Any, form: str) -> np.ndarray:
        return self._reformatter.reformat(frame, format=form, interpolation=EXACT, threads=1).to_ndarray()


def _upright(image: Image.Image, frame: Any) -> Image.Image:
    """Apply the display matrix: a mirror, then a turn."""
    try:
        matrix = struct.unpack("=9i", bytes(frame.side_data[Type.DISPLAYMATRIX])[:36])
    except KeyError:
        return image
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if a * d - b * c < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        a, b = -a, -b
    angle = round(math.degrees(math.atan2(-b, a))) % 360  # counterclockwise
    if angle in TURNS:
        return image.transpose(TURNS[angle])
    around = WHITE if image.mode == "RGB" else (0, 0, 0, 0)
    return image.rotate(angle, Image.Resampling.BILINEAR, expand=True, fillcolor=around) if angle else image
