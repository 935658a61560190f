"""Colours as screens show them: embedded ICC profiles are applied, and deep samples become 8 bits a channel."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}  # signature of ICC.1:2022, table 19 -> mode
OVERSHOOT = 1.5  # values above white by this factor are highlights or ringing, not another scale


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An L, RGB, CMYK or LAB picture in sRGB (relative colorimetric, black point compensated).

    A profile that is broken, or is of another colour space than the picture, is ignored, as browsers do.
    """
    transform = _transform(profile, image.mode) if profile else None
    if transform is None:
        return image
    return ImageCms.applyTransform(image, transform) or image  # None only where it works in place


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None where the profile changes nothing or does not belong to such pictures."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _SPACES.get(source.profile.xcolor_space.ljust(4)) != mode:
            return None
        if "srgb" in (source.profile.profile_description or "").lower():
            return None  # nothing is rounded where nothing changes
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None


def eight_bit_gray(values: np.ndarray, mode: str) -> np.ndarray:
    """Gray values of Pillow's modes I;16, I or F, float64 (H, W), as uint8 with white at 255."""
    return np.clip(values / _white(mode, values) * 255 + 0.5, 0, 255).astype(np.uint8)


def _white(mode: str, values: np.ndarray) -> float:
    """The value that is white: what the mode says, or where it doesn't, what the values reach."""
    top = float(values.max(initial=0))
    if mode == "F":  # a scale to 1, to 255 or to 65535; filters overshoot white a little, highlights by much
        usual = float(np.percentile(values, 99)) if values.size else 0.0
        return next((white for white in (1.0, 255.0) if top <= white * OVERSHOOT or usual <= white), 65535.0)
    if mode == "I" and top <= 255:
        return 255.0
    return _white_of_integers(top)


def _white_of_integers(top: float) -> float:
    """White of 16-bit samples: cameras and scanners store 10 or 12 bits in them, which would be nearly black."""
    return next((float(white) for white in (1023, 4095) if 255 < top <= white), 65535.0)


def sixteen_bit_rgb(image: Image.Image, path: str | Path) -> Image.Image | None:
    """A colour picture of 16 bits a channel that holds no more than 12, as 8 bits; None for every other one.

    Pillow keeps the higher byte alone, at most 15 in such a picture; the file is read once more for the lower one.
    """
    if image.mode != "RGB" or "transparency" in image.info or np.asarray(image).max(initial=0) > 15:
        return None
    with Image.open(path) as again:
        if again.format not in ("PNG", "TIFF") or not again.tile or not isinstance(again.tile[0].args, (str, tuple)):
            return None
        args = again.tile[0].args
        raw = args if isinstance(args, str) else args[0]
        other = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B"}.get(raw)
        if other is None:
            return None
        args = other if isinstance(args, str) else (other, *args[1:])
        again.tile = [tile._replace(args=args) for tile in again.tile]
        low = np.asarray(again, np.uint16)
    values = np.asarray(image, np.uint16) * 256 + low if low.shape[:2] == image.size[::-1] else None
    if values is None or values.max() <= 255:
        return None
    whole = Image.fromarray(eight_bit_gray(values.astype(np.float64), "I;16"))
    whole.info = dict(image.info)
    return whole
