"""Single sprites and the characters that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.sprites.layout import Transparent
from capture.io.images import eight_bit, open_picture

OPAQUE = 128  # alpha from which a pixel belongs to the figure

Pose = tuple[str, str]  # clip with direction, frame


@dataclass(frozen=True)
class Sprite:
    """Where a sprite is.

    Attributes:
        box: left, top, right, bottom in the file; None for the whole picture.
        mirrored: whether it is the mirror image of that.
    """

    path: Path
    box: tuple[int, int, int, int] | None = None
    mirrored: bool = False


@dataclass(frozen=True)
class Character:
    """A character's sprites by pose. `transparent` is how their files mark the ground, see SheetLayout."""

    name: str
    transparent: Transparent
    sprites: dict[Pose, Sprite]

    @property
    def clips(self) -> dict[str, list[str]]:
        """Clip -> frames, in their order."""
        found: dict[str, list[str]] = {}
        for clip, frame in self.sprites:
            found.setdefault(clip, []).append(frame)
        return found


def open_sheet(path: Path, transparent: Transparent) -> Image.Image:
    """A sheet or a single sprite as RGBA.

    Args:
        transparent: alpha; or corner, or a colour: pixels of that colour become transparent. Where the corner is
            transparent already, corner changes nothing.
    Raises:
        CaptureError: not a picture, or it has no transparency where `transparent` says alpha.
    """
    image = eight_bit(open_picture(path), path)
    if transparent == "alpha":
        if not image.has_transparency_data:
            raise CaptureError(f"{path}: no transparency; name the colour of the ground (transparent: corner)")
        return image.convert("RGBA")
    pixels = np.array(image.convert("RGBA"))
    if transparent == "corner" and pixels[0, 0, 3] == 0:
        return Image.fromarray(pixels)
    ground = pixels[0, 0, :3] if transparent == "corner" else np.array(transparent)
    pixels[(pixels[..., :3] == ground).all(axis=-1), 3] = 0
    return Image.fromarray(pixels)


def cut(sheet: Image.Image, sprite: Sprite) -> Image.Image:
    """A sprite of an opened sheet, RGBA."""
    image = sheet.crop(sprite.box) if sprite.box else sheet
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if sprite.mirrored else image


def figure_box(sprite: Image.Image) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what is opaque in a sprite; None where nothing is."""
    return sprite.getchannel("A").point(lambda value: 255 if value >= OPAQUE else 0).getbbox()
