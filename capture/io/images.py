"""Pictures in and out: the one place where files, uint8 and [-1, 1] tensors meet.

The framing of the release: pad to a square with white (the odd pixel to the right or bottom), then resize bilinearly
(antialiased when shrinking, as PIL does it), the same in preparation, training, inference and evaluation.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from capture.common.errors import CaptureError, Refused
from capture.io.colour import eight_bit_gray, sixteen_bit_rgb, to_srgb

if TYPE_CHECKING:  # torch is imported where a tensor is made: the workers that prepare datasets do without
    from torch import Tensor

EXTENSIONS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".avif", ".gif"),
    *(".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# whatever the name ends in; Pillow knows forty more, one of which (EPS) is a program that it has Ghostscript run
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "WEBP", "TIFF", "GIF", "PPM", "AVIF")
MAX_PIXELS = 64_000_000  # a larger picture is refused before it is decoded
MAX_SIDE = 16_000  # and a longer one, which padding would make enormous
WHITE = (255, 255, 255)
warnings.filterwarnings("ignore", module=r"PIL\.")  # of what is refused below, and of broken EXIF data


def is_image(path: Path) -> bool:
    """Whether a file's name says it is a picture (hidden files are not)."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def is_enormous(width: int, height: int) -> bool:
    """Whether a picture is too large to be decoded and padded to a square."""
    return width * height > MAX_PIXELS or max(width, height) > MAX_SIDE


def border_pixels(picture: np.ndarray) -> np.ndarray:
    """The pixels of the first and the last row and column: (H, W, C) -> (2 W + 2 H, C), the corners twice."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def open_rgb(path: str | Path, ground: tuple[int, int, int] = WHITE) -> Image.Image:
    """Decode a picture to RGB: upright (EXIF), in sRGB, the first frame of an animation, transparency over `ground`.

    Raises:
        CaptureError: see open_picture.
    """
    return over_ground(open_upright(path), ground)


def open_upright(path: str | Path) -> Image.Image:
    """Decode a picture to RGB, or to RGBA where it has transparency: upright (EXIF), in sRGB (its ICC profile applied).

    Raises:
        CaptureError: see open_picture.
    """
    image = open_picture(path)
    try:
        image = sixteen_bit_rgb(image, path) or image
        return to_rgb_or_rgba(ImageOps.exif_transpose(image), path)
    except CaptureError:
        raise
    except MemoryError:
        raise Refused.no_memory(path) from None
    except Exception as error:  # EXIF data and modes that nothing converts
        raise CaptureError(f"{path}: can't be converted to RGB ({_brief(error)}); save it again as PNG") from None


def size_in_header(path: Path) -> tuple[int, int] | None:
    """(width, height) of an upright picture by its header, without decoding it; None where there is none to read."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5 and image.format != "TIFF"  # turned already
            return image.size[::-1] if turned else image.size
    except Exception:  # whoever decodes the picture says what is wrong with it
        return None


def over_ground(image: Image.Image, ground: tuple[int, int, int] = WHITE) -> Image.Image:
    """An RGBA picture composited over a flat colour; an RGB picture as it is."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, (*ground, 255)), image).convert("RGB")


def open_picture(path: str | Path) -> Image.Image:
    """Decode a picture as it is stored.

    Raises:
        Refused: the machine can't read it now, whatever is in it.
        CaptureError: the file is missing, empty, not a picture, truncated or enormous; the message names it.
    """
    try:
        if Path(path).stat().st_size == 0:
            raise CaptureError(f"{path}: an empty file (0 bytes); remove it or put the picture back")
        with Image.open(path, formats=FORMATS) as image:
            if is_enormous(*image.size):
                raise CaptureError(
                    f"{path}: {image.width}x{image.height} is over {MAX_PIXELS // 10**6} megapixels "
                    f"or {MAX_SIDE} pixels long; shrink it first"
                )
            image.load()
            return image
    except CaptureError:
        raise
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file") from None
    except IsADirectoryError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror})") from None
    except UnidentifiedImageError:
        raise CaptureError(f"{path}: not a picture that can be read ({', '.join(e[1:] for e in EXTENSIONS)})") from None
    except Image.DecompressionBombError:
        raise CaptureError(f"{path}: far too many pixels; shrink it first") from None
    except Exception as error:  # decoders raise whatever they like on broken data
        if isinstance(error, (OSError, MemoryError)) and (refused := Refused.reading(path, error)):
            raise refused from None
        raise CaptureError(f"{path}: a broken picture ({_brief(error)})") from None


def _brief(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def eight_bit(image: Image.Image, path: str | Path) -> Image.Image:
    """A picture of 16 or 32 bits a pixel scaled to 8 bits, RGB or RGBA; any other as it is. Pillow clips them.

    Raises:
        CaptureError: NaN or infinity in it; the message has `path`.
    """
    if not image.mode.startswith("I;16") and image.mode not in ("I", "F"):
        return image
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise CaptureError(f"{path}: holds NaN or infinity; write it again with finite values")
    gray = to_srgb(Image.fromarray(eight_bit_gray(values, image.mode)), image.info.get("icc_profile")).convert("RGB")
    if isinstance(image.info.get("transparency"), int):
        gray.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
    return gray


def to_rgb_or_rgba(image: Image.Image, path: str | Path) -> Image.Image:
    scaled = eight_bit(image, path)
    if scaled is not image:
        return scaled
    profile = image.info.get("icc_profile")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if profile:
            rgb = to_srgb(rgba.convert("RGB"), profile)
            rgb.putalpha(rgba.getchannel("A"))
            return rgb
        return rgba
    return to_srgb(image.convert("RGB") if image.mode == "P" else image, profile).convert("RGB")


def padding(width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) pixels that make width x height a square."""
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    return left, top, side - width - left, side - height - top


def to_square(image: Image.Image, size: int, ground: tuple[int, int, int] = WHITE) -> Image.Image:
    """Pad to a square with `ground` and resize to size x size."""
    left, top, right, bottom = padding(*image.size)
    if left or top or right or bottom:
        square = Image.new("RGB", (image.width + left + right, image.height + top + bottom), ground)
        square.paste(image, (left, top))
        image = square
    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.BILINEAR)


def load_image(path: str | Path, size: int, ground: tuple[int, int, int] = WHITE) -> Tensor:
    """A picture file as a uint8 (3, size, size) tensor, framed as above, transparency and padding in `ground`."""
    return image_to_tensor(to_square(open_rgb(path, ground), size, ground))


def image_to_tensor(image: Image.Image) -> Tensor:
    """RGB picture -> uint8 (3, H, W)."""
    import torch

    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).contiguous()


def tensor_to_image(image: Tensor) -> Image.Image:
    """uint8 (3, H, W) -> RGB picture."""
    return Image.fromarray(image.permute(1, 2, 0).contiguous().cpu().numpy())


def channels_last(image: Tensor) -> np.ndarray:
    """uint8 (3 or 4, H, W) on the CPU -> uint8 (H, W, 3 or 4)."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


def normalise(image: Tensor) -> Tensor:
    """uint8 in 0..255 -> float32 in [-1, 1]."""
    return image.float() / 127.5 - 1.0


def denormalise(image: Tensor) -> Tensor:
    """float in [-1, 1] -> uint8 in 0..255, rounded to the nearest."""
    return ((image.float().clamp(-1, 1) + 1.0) * 127.5).round().byte()


def grid(columns: list[Tensor], gap: int = 2) -> Tensor:
    """Columns of uint8 (N, 3, S, S) -> one picture, uint8 (3, H, W): a row for each sample, white between."""
    import torch

    n, _, s, _ = columns[0].shape
    out = torch.full((3, n * (s + gap) + gap, len(columns) * (s + gap) + gap), 255, dtype=torch.uint8)
    for c, column in enumerate(columns):
        for r in range(n):
            top, left = gap + r * (s + gap), gap + c * (s + gap)
            out[:, top : top + s, left : left + s] = column[r]
    return out


def png_bytes(image: Tensor) -> bytes:
    """uint8 (3, H, W) -> the bytes of a PNG file."""
    buffer = io.BytesIO()
    tensor_to_image(image).save(buffer, format="PNG")
    return buffer.getvalue()
