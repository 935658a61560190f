"""IUV maps, in files and in batches: one vocabulary of body parts for every dataset and every method.

An IUV map says which point of a character's surface each pixel shows (the notation of DensePose, Güler et al., CVPR
2018). It is a uint8 array (H, W, 3), or a tensor (3, H, W), with three channels:

    part    0 is the background, k is PARTS[k - 1]
    u, v    coordinates 0..255 in the square of that part

A part that is made of several solids divides its square into SLOT_GRID x SLOT_GRID cells, one cell for each solid. The
atlas of a whole character lays the squares of all parts out on a grid of ATLAS_GRID x ATLAS_GRID, in the order of
PARTS, row by row.

The map of a picture `imgs/<name>.png` lies in `uv/<name>.png`. It has the size of its picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from capture.common.errors import CaptureError, Refused
from capture.io.images import MAX_PIXELS, is_enormous, open_picture, padding
from capture.io.numpy_file import load_array

MAPS = "_uv"  # the map of the picture `identity` of a batch is `identity_uv`
PARTS: tuple[str, ...] = (
    *("head", "face", "ears", "hair", "hat"),
    *("neck", "chest", "belly", "pelvis", "skirt"),
    *("cape", "tail", "extra", "l_upper_arm", "l_forearm"),
    *("l_hand", "r_upper_arm", "r_forearm", "r_hand", "l_thigh"),
    *("l_shin", "l_foot", "r_thigh", "r_shin", "r_foot"),
)
PART = {name: i for i, name in enumerate(PARTS)}
ARM, LEG = ("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot")  # parts of a limb, without their side
FACE_PARTS = ("eyes", "mouth")  # numbered on after PARTS, in toon's maps for training that asks for them
ATLAS_GRID = 5
SLOT_GRID = np.array(  # cells in a row of a part's square
    [{"head": 1, "hair": 5, "extra": 4}.get(name, 3 if name in ("hat", "ears", "face") else 2) for name in PARTS]
)
FILES = (".png", ".npy")  # endings of map files
_PNG = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {0: "is grey", 3: "has a palette", 4: "is grey with transparency", 6: "has transparency"}


def find_map(picture: str | Path) -> Path | None:
    """The map file of a picture: in a folder uv/ beside the picture's folder imgs/, or beside the picture itself.

    Returns:
        None where there is no such file.
    """
    picture = Path(picture)
    folder = picture.parent.parent if picture.parent.name == "imgs" else picture.parent
    candidates = (folder / "uv" / f"{picture.stem}{ending}" for ending in FILES)
    return next((path for path in candidates if path.is_file()), None)


def read_map(path: str | Path, size: tuple[int, int] | None = None, parts: int = len(PARTS)) -> np.ndarray:
    """Read a map from an 8-bit RGB PNG, or from a NumPy file (.npy) of shape (H, W, 3).

    Integers in a NumPy file are as in a PNG. Floating-point numbers are the part, a whole number, and u and v in 0..1.

    Args:
        size: (width, height) that the map must have, those of its picture; None allows any size.
        parts: the highest part number.
    Returns:
        uint8 (H, W, 3).
    Raises:
        CaptureError: the file can't be read, or it isn't such a map; the message names the file and the fault.
    """
    path = Path(path)
    iuv = _read_array(path) if path.suffix.lower() == ".npy" else read_iuv_png(path)
    height, width = iuv.shape[:2]
    if size is not None and (width, height) != size:
        raise CaptureError(
            f"{path}: a map of {width}x{height} pixels for a picture of {size[0]}x{size[1]}; make both the same size"
        )
    check_parts(iuv, path, parts)
    return iuv


def read_iuv_png(path: str | Path) -> np.ndarray:
    """The channels of an 8-bit RGB PNG as they are stored, uint8 (H, W, 3), whatever numbers its parts have.

    Raises:
        CaptureError: no such file, no PNG, another mode (palette, grey, transparency), or 16 bits a channel.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(26)  # the signature, and IHDR up to the bit depth and the colour type
    except (FileNotFoundError, NotADirectoryError):
        raise CaptureError(f"{path}: no such map") from None
    except OSError as error:
        raise Refused.reading(path, error) or CaptureError(f"{path}: can't be read ({error.strerror})") from None
    if head and not head.startswith(_PNG):
        raise CaptureError(
            f"{path}: not a PNG; save maps as 8-bit RGB PNG (JPEG changes their values) or as a NumPy file (.npy)"
        )
    if len(head) == 26 and head[24] == 16:
        raise CaptureError(f"{path}: has 16 bits a channel; save maps as 8-bit RGB PNG")
    if len(head) == 26 and head[25] in _COLOUR_TYPES:
        raise CaptureError(f"{path}: {_COLOUR_TYPES[head[25]]}; save maps as 8-bit RGB PNG: part, u, v")
    image = open_picture(path)
    if image.mode != "RGB":
        raise CaptureError(f"{path}: not an RGB picture (mode {image.mode}); save maps as 8-bit RGB PNG: part, u, v")
    return np.array(image)


def check_parts(iuv: np.ndarray, path: str | Path, parts: int = len(PARTS), advice: str = "") -> None:
    """CaptureError, naming the file, unless the part numbers of a map (H, W, 3) are 0 to `parts`."""
    highest = iuv[..., 0].max()
    if highest > parts:
        raise CaptureError(
            f"{path}: holds the part number {highest}; parts are 1 to {parts}, and 0 is the background{advice}"
        )


def map_to_square(iuv: np.ndarray, size: int, background: float = 0) -> np.ndarray:
    """A map (H, W, C) framed as capture.io.images.to_square frames its picture: (size, size, C) of the same type.

    Padding is `background`. Each pixel takes the value at its middle, because a mean of two part numbers is neither.
    """
    left, top, right, bottom = padding(iuv.shape[1], iuv.shape[0])
    iuv = np.pad(iuv, ((top, bottom), (left, right), (0, 0)), constant_values=background)
    middle = (2 * np.arange(size) + 1) * len(iuv) // (2 * size)
    return np.ascontiguousarray(iuv[middle[:, None], middle])


def _read_array(path: Path) -> np.ndarray:
    values = load_array(path)
    if values.ndim != 3 or values.shape[2] != 3 or 0 in values.shape:
        raise CaptureError(f"{path}: has the shape {values.shape}; a map is (height, width, 3): part, u, v")
    if is_enormous(values.shape[1], values.shape[0]):
        raise CaptureError(f"{path}: a map of over {MAX_PIXELS // 10**6} megapixels; shrink it first")
    if values.dtype.kind not in "uif":
        raise CaptureError(f"{path}: holds values of type {values.dtype}; a map holds integers or floats")
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise CaptureError(f"{path}: holds NaN or infinity; write 0 where there is background")
        if (values[..., 0] % 1).any():
            raise CaptureError(f"{path}: holds part numbers that aren't whole; write part, u, v with u and v in 0..1")
        if values[..., 1:].min() < 0 or values[..., 1:].max() > 1:
            raise CaptureError(f"{path}: holds u or v outside 0..1; floating-point maps have u and v in 0..1")
        values = np.concatenate((values[..., :1], np.rint(values[..., 1:] * 255.0)), axis=2)
    if values.min() < 0 or values.max() > 255:
        raise CaptureError(f"{path}: holds values from {values.min():g} to {values.max():g}; a map holds 0 to 255")
    return np.array(values, dtype=np.uint8)
