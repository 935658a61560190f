"""The layers of a character, and how its sheet is composed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.images import eight_bit, open_picture

CELL, COLUMNS, ROWS = 64, 13, 21
# action -> first row in a sheet, frames, rows (seen from the back, left, front, right)
ACTIONS = {
    "spellcast": (0, 7, 4),
    "thrust": (4, 8, 4),
    "walk": (8, 9, 4),
    "slash": (12, 6, 4),
    "shoot": (16, 13, 4),
    "hurt": (20, 6, 1),
}
BODY_PIXELS = (
    100  # least in any frame of a body: bodies have 550 and more, 350 without the head; wounds and shadows have fewer
)
Recolour = tuple[tuple[tuple[int, int, int], tuple[int, int, int]], ...]  # pairs of colours: this becomes that


class OtherLayout(CaptureError):
    """A picture is too small for the layer that its name says."""


@dataclass(frozen=True)
class Piece:
    """One layer of a sheet.

    Attributes:
        z: larger is nearer to the viewer.
        files: (action, file), or (None, file) for a whole sheet; files relative to the root of the layers.
        recolour: what to exchange to have it in another colour; `colour` is the palette's name for that.
    """

    z: int
    files: tuple[tuple[str | None, str], ...]
    recolour: Recolour = ()
    colour: str = ""

    @property
    def name(self) -> str:
        """The name in the repository, with * in place of the actions if each action is a file."""
        action, name = self.files[0]
        if action is None:
            return name
        folder, _, end = name.rpartition(f"/{action}")
        return f"{folder}/*{end}" + (f" in {self.colour}" if self.colour else "")


@dataclass(frozen=True)
class Style:
    """Something a character can have, in several colours.

    Attributes:
        slot: what it is: body, head, hair, torso, ...
        bodies: those it fits.
        find: (colour, body) -> what to draw; nothing where the files are not there.
        skin: its colour must be the body's.
    """

    slot: str
    name: str
    bodies: frozenset[str]
    colours: tuple[str, ...]
    find: Callable[[str, str], tuple[Piece, ...]] = field(repr=False, compare=False)
    skin: bool = False


def draw_sheet(root: Path, pieces: Iterable[Piece]) -> Image.Image:
    """Compose pieces to an 832 x 1344 RGBA sheet.

    Raises:
        CaptureError: a file is missing or broken, or (OtherLayout) too small for what it should hold.
    """
    sheet = Image.new("RGBA", (CELL * COLUMNS, CELL * ROWS))
    for piece in sorted(pieces, key=lambda piece: piece.z):
        sheet.alpha_composite(_draw(root, piece))
    return sheet


def is_whole(root: Path, pieces: Iterable[Piece], body: bool) -> bool:
    """Whether layers are complete: a body in every frame, other layers in the front view of every action."""
    try:
        alpha = np.asarray(draw_sheet(root, pieces))[..., 3]
    except OtherLayout:
        return False
    for first, frames, rows in ACTIONS.values():
        cells = alpha[first * CELL : (first + rows) * CELL, : frames * CELL].reshape(rows, CELL, frames, CELL)
        drawn = (cells > 0).sum(axis=(1, 3))
        if (drawn.min() < BODY_PIXELS) if body else not drawn[min(2, rows - 1)].any():
            return False
    return True


def _draw(root: Path, piece: Piece) -> Image.Image:
    sheet = Image.new("RGBA", (CELL * COLUMNS, CELL * ROWS))
    for action, name in piece.files:
        row, frames, rows = ACTIONS[action] if action else (0, COLUMNS, ROWS)
        size = (frames * CELL, rows * CELL)
        image = eight_bit(open_picture(root / name), root / name).convert("RGBA")
        if image.width < size[0] or image.height < size[1]:
            raise OtherLayout(f"{root / name}: {image.width}x{image.height}, but its frames take {size[0]}x{size[1]}")
        sheet.paste(image.crop((0, 0, *size)), (0, row * CELL))
    return _recolour(sheet, piece.recolour) if piece.recolour else sheet


def _recolour(image: Image.Image, colours: Recolour) -> Image.Image:
    """Exchange colours, each channel within 1 of the first of a pair (files are not always exact)."""
    pixels = np.array(image)
    rgb = pixels[..., :3].astype(np.int16)
    for old, new in colours:
        pixels[(np.abs(rgb - np.array(old)) <= 1).all(axis=-1), :3] = new
    return Image.fromarray(pixels)
