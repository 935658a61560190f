"""Where the character is in a target picture, so that a flat background flatters nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.images import open_rgb, padding

TOLERANCE = 8  # of 255, in any channel: compression and antialiasing are not foreground
FLAT = 0.5  # share of the border that must be one colour for there to be "the background colour"


def load_foreground(target: str | Path, size: int) -> Tensor | None:
    """The foreground of a target picture.

    From its mask file where there is one: `<folder above>/mask/<same name>` (or the name with .png), of the picture's
    own size, light where the character is. Else by colour: the background colour is the median of the picture's
    outermost pixels, and the foreground is every pixel further than 8/255 from it in some channel. Framed as the
    picture is (padding is background; a pixel of the small picture is foreground where at least half of it is).

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
    """The mask file that belongs to a picture, if it has one."""
    folder = Path(target).parent.parent / "mask"
    names = (Path(target).name, Path(target).stem + ".png")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def differs_from_background(picture: np.ndarray) -> np.ndarray | None:
    """uint8 (H, W, 3) -> bool (H, W) where it isn't the background colour; None where it has no such colour."""
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
