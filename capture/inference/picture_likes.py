"""What may stand for a picture in Python: a path, a PIL picture, a numpy array, a torch tensor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from capture.common.errors import CaptureError
from capture.inference.inputs import FRAME_RATE, open_identity
from capture.inference.pose_frames import PoseFrames
from capture.io.images import open_upright, to_rgb_or_rgba
from capture.io.video import is_video

PictureLike = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor
CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def to_picture(picture: PictureLike, role: str) -> Image.Image:
    """A picture as RGB or RGBA, upright.

    Args:
        picture: a path; a PIL picture of any mode; an array (H, W) or (H, W, 1 | 3 | 4), uint8, or floats in [0, 1]; a
            tensor (1 | 3 | 4, H, W), uint8, or floats in [0, 1].
        role: what the picture is, for messages.
    Raises:
        CaptureError: a file that can't be read, or values of another kind.
    """
    if isinstance(picture, (str, os.PathLike)):
        path = Path(picture)
        return open_identity(path)[0] if role == "identity" else open_upright(path)
    if isinstance(picture, Image.Image):
        if not (picture.width and picture.height):
            raise CaptureError(
                f"{role}: a picture of {picture.width}x{picture.height} pixels; give one that shows something"
            )
        return to_rgb_or_rgba(ImageOps.exif_transpose(picture), role)
    if isinstance(picture, Tensor):
        if picture.dim() != 3 or picture.shape[0] not in CHANNELS:
            raise CaptureError(f"{role}: a tensor of shape {tuple(picture.shape)}; give (1, 3 or 4, height, width)")
        values = picture.detach().cpu().permute(1, 2, 0)
        return _from_array(
            (values.float() if values.is_floating_point() else values).numpy(), role
        )  # numpy: no bfloat16
    if isinstance(picture, np.ndarray):
        if picture.ndim == 2:
            picture = picture[..., None]
        if picture.ndim != 3 or picture.shape[2] not in CHANNELS:
            raise CaptureError(f"{role}: an array of shape {picture.shape}; give (height, width) or (..., 1, 3 or 4)")
        return _from_array(picture, role)
    raise CaptureError(f"{role}: a {type(picture).__name__} is no picture; give a path, a PIL picture or an array")


def _from_array(values: np.ndarray, role: str) -> Image.Image:
    """(H, W, 1 | 3 | 4), uint8 or floats in [0, 1]."""
    if not values.size:
        raise CaptureError(f"{role}: an empty picture, of shape {values.shape}")
    if np.issubdtype(values.dtype, np.floating):
        low, high = float(values.min()), float(values.max())
        if not (low >= 0 and high <= 1):  # also where there is NaN
            raise CaptureError(f"{role}: floats from {low:g} to {high:g}; give floats from 0 to 1, or uint8")
        values = (values * 255).round().astype(np.uint8)
    if values.dtype != np.uint8:
        raise CaptureError(f"{role}: values of type {values.dtype}; give uint8, or floats from 0 to 1")
    values = values[..., 0] if values.shape[2] == 1 else values
    return to_rgb_or_rgba(Image.fromarray(np.ascontiguousarray(values)), role)


def picture_frames(pictures: Sequence[PictureLike], fps: float = FRAME_RATE) -> PoseFrames:
    """Pictures in memory as frames that drive a character.

    Raises:
        CaptureError: there are none, or one of them is no picture.
    """
    read = [to_picture(picture, f"frame {i}") for i, picture in enumerate(pictures)]
    if not read:
        raise CaptureError("driver: no frames in this list")
    return PoseFrames(Path("driver"), len(read), lambda i: read[i], fps)


def frames_of(driver: object) -> list[PictureLike] | None:
    """The pictures of a list, of an array (N, H, W, C) or of a tensor (N, C, H, W); None for anything else."""
    if isinstance(driver, (np.ndarray, Tensor)):
        return list(driver) if driver.ndim == 4 else None
    return list(driver) if isinstance(driver, Sequence) and not isinstance(driver, (str, bytes)) else None


def is_sequence_file(driver: object) -> bool:
    """Whether a path names frames: a film, an animation, or a folder."""
    return isinstance(driver, (str, os.PathLike)) and (Path(driver).is_dir() or is_video(Path(driver)))
