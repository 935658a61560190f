"""The foreground of a target picture, so that metrics can leave out the background, which is easy to predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.images import open_rgb, padding

TOLERANCE = 8  # of 255, in any channel; smaller differences come from compression and antialiasing
FLAT = 0.5  # share of the border that must have one colour, which then is the background colour


def load_foreground(target: str | Path, size: int) -> Tensor | None:
    """The foreground of a target picture.

    It is read from the picture's mask, if it has one: `<parent of its folder>/mask/<its name>`, or that name with .png.
    A mask has the picture's size and is light in the foreground. Without a mask, the background colour is the median of
    the picture's outermost pixels, and the foreground is every pixel that differs from it by more than 8/255 in some
    channel. The foreground is padded and resized as the picture is: padding is background, and a resized pixel is
    foreground where at least half of it is.

    Returns:
        bool (1, size, size), or None where there is no mask and less than half of the border is of one colour.
    Raises:
        CaptureError: a picture or mask that can't be read, or a mask of another size than its picture.
    """
    picture = open_rgb(target)
    mask_file = find_mask(target)
    if mask_file is not None:
        image = open_rgb(mask_file)
        if image.size != picture.size:
            raise CaptureError(
                f"{mask_file}: {image.width}x{image.height}, but its picture {Path(target).name} is "
                f"{picture.width}x{picture.height}; a mask has its picture's size"
            )
        mask: np.ndarray | None = np.asarray(image.convert("L")) > 127
    else:
        mask = differs_from_background(np.asarray(picture))
    return None if mask is None else _frame(mask, size)


def find_mask(target: str | Path) -> Path | None:
    """The mask file of a picture; None where it has none."""
    folder = Path(target).parent.parent / "mask"
    names = (Path(target).name, Path(target).stem + ".png")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def differs_from_background(picture: np.ndarray) -> np.ndarray | None:
    """uint8 (H, W, 3) -> bool (H, W), true where a pixel differs from the background colour; None without one."""
    border = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])
    colour = np.median(border, axis=0)
    if (np.abs(border - colour).max(axis=1) <= TOLERANCE).mean() < FLAT:
        return None
    return np.abs(picture - colour).max(axis=2) > TOLERANCE


def _frame(mask: np.ndarray, size: int) -> Tensor:
    height, width = mask.shape
    left, top, right, bottom = padding(width, height)
    square = Image.fromarray(np.pad(mask, ((top, bottom), (left, right))).astype(np.uint8) * 255)
    if square.size != (size, size):
        square = square.resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(square) > 127)[None]
