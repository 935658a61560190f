"""An identity's own picture, as the network is shown it but as fine as it is: cut out, with its outline described."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from capture.inference.figure import Point, find_figures, nearest_figure, reduced
from capture.inference.ground import Colour
from capture.inference.silhouette import signed_distance
from capture.inference.window import Window, border_colour

MOST_PIXELS = 4_200_000  # of a picture that figures are cut out of; a larger one is reduced first
SAME_INK = 45  # levels by which pixels of one outline differ
INKED = 0.55  # share of the pixels at one distance from the edge that have the ink's colour
WIDEST = 0.02  # of a picture's side: anything broader than this is no outline


@dataclass(frozen=True)
class Outline:
    """The line around a drawing: its colour, float (3,) in [0, 255], and its width in pixels."""

    colour: np.ndarray
    width: int


@dataclass(frozen=True, eq=False)
class Drawing:
    """What the network is shown of an identity's picture, at another size.

    Attributes:
        pixels: float32 (4, R, R) in [0, 1]: the figure's colours times its alpha, and its alpha.
        ground: the colour behind it; None where its picture is transparent.
    """

    pixels: Tensor
    ground: Colour | None

    @property
    def figure(self) -> np.ndarray:
        """The same as uint8 (R, R, 4), straight alpha."""
        pixels = self.pixels.permute(1, 2, 0).numpy()
        straight = np.concatenate([pixels[..., :3] / np.maximum(pixels[..., 3:], 1 / 255), pixels[..., 3:]], axis=-1)
        return np.asarray((255 * straight + 0.5).clip(0, 255)).astype(np.uint8)

    @cached_property
    def outline(self) -> Outline | None:
        """The line around the figure; None where it has none of one colour and width."""
        pixels = self.pixels.numpy()
        depth = signed_distance(pixels[3] > 0.5)
        colours = 255 * pixels[:3] / np.maximum(pixels[3], 1 / 255)
        outermost = (depth > 0) & (depth <= 1.6) & (pixels[3] > 0.9)  # the edge may be mixed with what was behind it
        if not np.isfinite(depth).all() or not outermost.any():
            return None
        ink = np.median(colours[:, outermost], axis=1)
        same = np.abs(colours - ink[:, None, None]).max(0) < SAME_INK
        widest, width = max(3, round(WIDEST * pixels.shape[-1])), 0
        for step in range(1, widest + 2):
            ring = (depth > step - 1) & (depth <= step) & (pixels[3] > 0.5)
            if not ring.any() or same[ring].mean() < INKED:
                break
            width = step
        return Outline(ink, width) if 0 < width <= widest else None


def cut_drawing(
    image: Image.Image,
    window: Window,
    resolution: int,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
    centre: Point | None = None,
) -> Drawing:
    """What `window` shows of a picture, RGB or RGBA, at resolution x resolution, its figure cut out.

    Where no figure can be told from what is behind it, the whole picture is the drawing.

    Args:
        centre: near the middle of the figure, in the picture's pixels; None: the middle of the window.
    """
    left, top = max(math.floor(window.x), 0), max(math.floor(window.y), 0)
    right = max(min(math.ceil(window.x + window.side), image.width), left + 1)
    bottom = max(min(math.ceil(window.y + window.side), image.height), top + 1)
    part = image.crop((left, top, right, bottom))
    inner = Window(window.x - left, window.y - top, window.side, part.size)
    pixels = min(MOST_PIXELS, max((2 * resolution / window.side) ** 2, 1e-3) * part.width * part.height)
    part, scale = reduced(part, round(pixels))
    inner = inner.scaled(scale, part.size)
    found = find_figures(part)
    alpha = Image.new("L", part.size, 0 if found.figures else 255)
    if found.figures:
        x, y = centre or (window.x + window.side / 2, window.y + window.side / 2)
        figure = nearest_figure(found.figures, ((x - left) * scale, (y - top) * scale))
        alpha.paste(Image.fromarray(figure.alpha), figure.box[:2])
    cut = found.picture.copy()
    cut.putalpha(alpha)
    ground = found.ground or (None if is_transparent(image) else border_colour(np.asarray(image.convert("RGB"))))
    shown = _show(cut, inner, resolution, resampling)
    values = torch.from_numpy(np.array(shown)).permute(2, 0, 1).float() / 255  # (4, R, R)
    values[:3] *= values[3:]
    return Drawing(values.contiguous(), ground)


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel of a picture, RGB or RGBA, is more clear than opaque."""
    return image.mode == "RGBA" and any(image.getchannel("A").histogram()[:128])


def native_resolution(window: Window, least: int, most: int) -> int:
    """The side at which what `window` shows is as fine as its picture is: an even number from `least` to `most`."""
    side = max(min(round(window.side), most), least)
    return side + side % 2


def _show(picture: Image.Image, window: Window, size: int, resampling: Image.Resampling) -> Image.Image:
    """What `window` shows of an RGBA picture, size x size, transparent where it reaches outside."""
    left, top = math.floor(window.x), math.floor(window.y)
    room = (math.ceil(window.x + window.side) - left, math.ceil(window.y + window.side) - top)
    canvas = Image.new("RGBA", room)
    canvas.paste(picture, (-left, -top))
    x, y = window.x - left, window.y - top
    if (room, x, y) == ((size, size), 0, 0):
        return canvas
    box = (x, y, min(x + window.side, room[0]), min(y + window.side, room[1]))
    return canvas.resize((size, size), resampling, box=box)  # weighs colours by alpha
