"""The part of a picture that the network is shown, and what it drew placed back into the whole picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from capture.inference.figure import find_figures
from capture.inference.ground import Colour
from capture.io.images import border_pixels, padding

CLOSE = 0.12  # of a side: placing back by less than this is left out


@dataclass(frozen=True)
class Window:
    """The square of a picture that the network is shown: its corner and side in pixels; it may reach outside."""

    x: float
    y: float
    side: float
    picture: tuple[int, int]  # the whole picture's width and height

    @classmethod
    def whole(cls, width: int, height: int) -> Window:
        """The picture padded to a square."""
        left, top, _, _ = padding(width, height)
        return cls(-left, -top, max(width, height), (width, height))

    def scaled(self, scale: float, picture: tuple[int, int]) -> Window:
        """The same part of the picture at another size."""
        return Window(self.x * scale, self.y * scale, self.side * scale, picture)

    @property
    def is_whole(self) -> bool:
        return self == Window.whole(*self.picture)


def show(picture: Image.Image, alpha: Image.Image | None, window: Window, size: int, ground: Colour) -> Image.Image:
    """What `window` shows of an RGB picture over `ground`, size x size."""
    left, top = math.floor(window.x), math.floor(window.y)
    room = (math.ceil(window.x + window.side) - left, math.ceil(window.y + window.side) - top)
    canvas = Image.new("RGB", room, ground)
    canvas.paste(picture, (-left, -top), alpha)
    x, y = window.x - left, window.y - top
    if (room, x, y) == ((size, size), 0, 0):
        return canvas
    box = (x, y, min(x + window.side, room[0]), min(y + window.side, room[1]))
    return canvas.resize((size, size), Image.Resampling.BILINEAR, box=box)


def place_back(
    output: np.ndarray, window: Window, largest: int = 4, even: bool = False, cell: int = 1
) -> tuple[np.ndarray, Window]:
    """What was drawn, uint8 (S, S, 3 or 4), where the pose stands in its picture: at the resolution that it has, so
    larger than S x S where the pose is small in its picture; `largest` sides S at most. What is around a transparent
    one is transparent.

    Args:
        cell: side of the squares of pixel art in `output`; 1 for other pictures. Where the picture has to be reduced
            they stay squares of whole pixels, as long as one pixel is left for each.
    Returns:
        (height, width, 3 or 4), and its window: a square of the pose's picture, or more, so that nothing drawn is cut
        off.
        `output` itself where it reaches as far as the picture does.
    """
    whole, size = Window.whole(*window.picture), output.shape[0]
    beyond = max(window.x - whole.x, window.y - whole.y, whole.x + whole.side - window.x - window.side,
                 whole.y + whole.side - window.y - window.side)  # fmt: skip
    if beyond <= CLOSE * window.side:
        return output, window
    left, top = min(window.x, whole.x), min(window.y, whole.y)
    side = max(max(window.x + window.side, whole.x + whole.side) - left,
               max(window.y + window.side, whole.y + whole.side) - top)  # fmt: skip
    scale = min(size / window.side, largest * size / side)
    pixels = math.floor(cell * scale * window.side / size + 1e-6)  # of a square's side
    if 1 <= pixels < cell:
        scale = pixels / cell * size / window.side
    canvas_side = round(side * scale)
    canvas_side += canvas_side % 2 if even else 0
    drawn = max(round(window.side * scale), 1)
    picture = Image.fromarray(output)
    if 1 <= pixels < cell:
        drawn = size * pixels // cell
        box = (0, 0, drawn * cell / pixels, drawn * cell / pixels)  # less than one of the result's pixels is left out
        picture = picture.resize((drawn, drawn), Image.Resampling.NEAREST, box=box)
    elif drawn != size:
        picture = picture.resize((drawn, drawn), Image.Resampling.BILINEAR)
    around = border_colour(output) if picture.mode == "RGB" else (0, 0, 0, 0)
    canvas = Image.new(picture.mode, (canvas_side, canvas_side), around)
    canvas.paste(picture, (round((window.x - left) * scale), round((window.y - top) * scale)))
    return np.asarray(canvas), Window(left, top, side, window.picture)


def in_square(output: np.ndarray, window: Window) -> np.ndarray:
    """What was drawn, uint8 (S, S, 3), as it stands in the pose's picture padded to a square, at S x S again."""
    if window.is_whole:
        return output
    picture, shown = place_back(output, window)
    whole, scale = Window.whole(*window.picture), picture.shape[0] / shown.side
    left, top, side = (whole.x - shown.x) * scale, (whole.y - shown.y) * scale, whole.side * scale
    image = Image.fromarray(picture)
    size, ground = output.shape[:2][::-1], border_colour(output)
    room = Image.new("RGB", (math.ceil(side) + 2, math.ceil(side) + 2), ground)
    room.paste(image, (1 - math.floor(left), 1 - math.floor(top)))
    x, y = left - math.floor(left) + 1, top - math.floor(top) + 1
    box = (x, y, min(x + side, room.width), min(y + side, room.height))
    return np.asarray(room.resize(size, Image.Resampling.BILINEAR, box=box))


def border_colour(output: np.ndarray) -> Colour:
    """The median colour of a picture's border, uint8 (S, S, 3)."""
    red, green, blue = (int(v) for v in np.median(border_pixels(output), axis=0))
    return red, green, blue


def crop_to_picture(output: np.ndarray, window: Window) -> np.ndarray:
    """`output` (H, W, 3 or 4), which shows `window`, cropped to the proportions of the pose's picture.

    What is drawn outside them is kept: where the ground of the output is plain, the crop grows as far as the figure.
    """
    scale = output.shape[0] / window.side
    width, height = window.picture
    x, y = round(-window.x * scale), round(-window.y * scale)
    left, top = max(x, 0), max(y, 0)
    right = min(x + max(round(width * scale), 1), output.shape[1])
    bottom = min(y + max(round(height * scale), 1), output.shape[0])
    found = find_figures(Image.fromarray(output))
    for figure in found.figures if not found.uneven else ():
        box = figure.box
        left, top, right, bottom = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
    return output[top:bottom, left:right]
