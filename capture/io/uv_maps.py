"""Dense maps of pictures, read and checked: IUV maps (.png) and coordinates in an atlas (.npy).

A .png holds (part, u, v), 8 bits each, in the numbers of capture.io.iuv; a .npy holds an array (H, W, 2), horizontal
and vertical coordinates in the atlas in [-1, 1], NaN for background, as coordinate inpainting's release writes them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from capture.common.errors import CaptureError
from capture.io.images import MAX_PIXELS, border_pixels, is_enormous, open_rgb
from capture.io.iuv import check_parts, map_to_square, read_iuv_png
from capture.io.numpy_file import load_array

SUFFIXES = (".png", ".npy")
_PLAIN = 8  # levels by which a plain background may differ from its median colour
_STRAY = 0.12  # share of a picture's figure that may lie beside the figure of its map
_EMPTY = 0.35  # share of a map's figure that may lie on the picture's background


def is_uv_map(path: Path) -> bool:
    """Whether a file's name says that it may be a map."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_uv_map(path: str | Path) -> np.ndarray:
    """A map as it is stored: uint8 (H, W, 3), or float32 (H, W, 2) with NaN for background.

    Raises:
        CaptureError: not a map: another kind of picture or array, parts or coordinates that there are not, no figure.
    """
    path = Path(path)
    if path.suffix.lower() == ".npy":
        return _read_coordinates(path)
    if path.suffix.lower() != ".png":
        raise CaptureError(f"{path}: a map is a .png (part, u, v) or a .npy of coordinates")
    values = read_iuv_png(path)
    check_parts(values, path, advice="; for DensePose's maps run prepare.py uv first")
    if not values[..., 0].any():
        raise CaptureError(f"{path}: all of this map is background; give the map of a picture with a figure")
    return values


def _read_coordinates(path: Path) -> np.ndarray:
    stored = load_array(path)
    if stored.ndim != 3 or stored.shape[2] != 2 or 0 in stored.shape:
        raise CaptureError(f"{path}: has the shape {stored.shape}; coordinates have the shape (H, W, 2)")
    if stored.dtype.kind != "f" or is_enormous(stored.shape[1], stored.shape[0]):
        raise CaptureError(
            f"{path}: {stored.dtype} of {stored.shape[1]}x{stored.shape[0]}; coordinates are floating-point numbers of "
            f"at most {MAX_PIXELS // 10**6} megapixels"
        )
    values = np.array(stored, dtype=np.float32)
    if np.isnan(values).all():
        raise CaptureError(f"{path}: all of this map is background (NaN); give the map of a picture with a figure")
    low, high = np.nanmin(values), np.nanmax(values)
    if low < -1.001 or high > 1.001:
        raise CaptureError(f"{path}: coordinates from {low:.4g} to {high:.4g}; they have to lie in [-1, 1], or be NaN")
    return values


def load_uv_map(path: str | Path, size: int, picture: str | Path | None = None) -> Tensor:
    """A map framed as its picture is by capture.io.images.load_image.

    Args:
        size: side of the frame.  picture: the file whose map it is; compared where it is given.
    Returns:
        uint8 (3, size, size), or float32 (2, size, size) with NaN for background.
    Raises:
        CaptureError: see read_uv_map; or the map doesn't fit its picture.
    """
    values = read_uv_map(path)
    if picture is not None:
        check_map_of_picture(values, open_rgb(picture), path, picture)
    return frame_uv_map(values, size)


def frame_uv_map(values: np.ndarray, size: int) -> Tensor:
    """(H, W, C) -> (C, size, size), framed as capture.io.iuv.map_to_square frames maps."""
    background = 0 if values.dtype == np.uint8 else np.nan
    return torch.from_numpy(map_to_square(values, size, background)).permute(2, 0, 1).contiguous()


def check_map_of_picture(values: np.ndarray, picture: Image.Image, path: str | Path, picture_path: str | Path) -> None:
    """Refuse a map that is not of the picture: of another size, or, before a plain background, of another figure.

    Of toon pictures paired with the map of another, of the same place in the frame, this finds five in six.

    Raises:
        CaptureError: naming both files.
    """
    height, width = values.shape[:2]
    if (width, height) != picture.size:
        raise CaptureError(
            f"{path}: {width}x{height}, and its picture {picture_path} is {picture.width}x{picture.height}; "
            "a map has the size of its picture"
        )
    drawn, figure = figure_of(picture), figure_of_map(values)
    if drawn is None:
        return
    reach = max(1, round(max(width, height) * 0.02))
    near_map, near_figure = _grown(figure, reach), _grown(drawn, reach)
    stray = (drawn & ~near_map).sum() / max(drawn.sum(), 1)
    empty = (figure & ~near_figure).sum() / max(figure.sum(), 1)
    if stray > _STRAY or empty > _EMPTY:
        raise CaptureError(
            f"{path}: not the map of {picture_path}: {max(stray, empty):.0%} of the figure in one "
            "is background in the other"
        )


def figure_of_map(values: np.ndarray) -> np.ndarray:
    """bool (H, W) of a map as read_uv_map returns it."""
    return values[..., 0] > 0 if values.dtype == np.uint8 else ~np.isnan(values).all(axis=2)


def figure_of(picture: Image.Image) -> np.ndarray | None:
    """bool (H, W): what differs from a plain background; None where the picture's border is not of one colour."""
    pixels = np.asarray(picture, dtype=np.int16)
    border = border_pixels(pixels)
    background = np.median(border, axis=0)
    if (np.abs(border - background).max(axis=1) > _PLAIN).mean() > 0.1:
        return None
    return np.abs(pixels - background).max(axis=2) > _PLAIN


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """A mask and everything at most `reach` pixels beside it."""
    pooled = torch.from_numpy(mask).float()[None, None]
    return torch.nn.functional.max_pool2d(pooled, 2 * reach + 1, 1, reach)[0, 0].numpy() > 0
