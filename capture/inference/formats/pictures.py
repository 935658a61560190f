"""Single pictures as the bytes of a file: PNG, or lossless WebP."""

from __future__ import annotations

import io

import numpy as np

from capture.inference.formats.base import as_image

PICTURES = ("png", "webp")


def png_bytes(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3 or 4) -> the bytes of a PNG file."""
    buffer = io.BytesIO()
    as_image(picture).save(buffer, "PNG")
    return buffer.getvalue()


def picture_bytes(picture: np.ndarray, form: str) -> bytes:
    """uint8 (H, W, 3 or 4) -> the bytes of a file of `form`, one of PICTURES."""
    if form == "webp":
        from capture.inference.formats.webp import webp_bytes

        return webp_bytes(picture)
    return png_bytes(picture)
