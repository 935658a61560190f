"""Pictures as the weights know them: the figure on the ground, at the size and in the place of the training pictures.

What a network never saw it can't draw: another ground becomes part of the figure, and a figure of another size is not
recognised. So the figure is cut out (capture.inference.figure), put on the known ground, scaled, and what was drawn is
placed back where the pose was (capture.inference.window). Pictures that are as the weights know them already stay as
they are, to the bit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from capture.common.errors import CaptureError
from capture.inference.figure import Box, Figure, Found, Point, find_figures, nearest_figure, reduced
from capture.inference.ground import Colour
from capture.inference.window import Window, show
from capture.io.images import over_ground, to_square

AS_IS, AUTO = "as_is", "auto"
FRAMINGS = (AUTO, AS_IS)
GOOD_PICTURE = "a good picture shows one whole figure on a plain or transparent ground"
SAME = 6  # levels by which a ground may differ from the known one
FAINT, FAINT_SHARE = 32, 0.3  # levels from the ground, and the share of a figure's edge, that make it faint
OUTLINE, INK = 0.008, (40, 36, 40)  # width, as a share of the picture's side, and colour of the line around it
TAKES_NEXT = " (--which 2 takes the next)"  # of a note
CLOSER = 2.5  # times the network's resolution, below which a reduced picture is not fine enough


@dataclass(frozen=True)
class Known:
    """How the pictures look that weights were trained with.

    Attributes:
        ground: RGB.
        height, width: of a standing figure, and of the widest one, as shares of the picture's side.
        bottom: where its feet are, from the top.
        least, most: heights (or widths) that are common enough to be left as they are.
    """

    ground: Colour
    height: float
    width: float
    bottom: float
    least: float = 0.45
    most: float = 0.84


# Measured on the pictures that the renderers of these datasets draw. Fashion's are photographs, with grounds of their
# own: pictures for weights that were trained on them, and on folders of other names, are used as they are.
KNOWN = {
    "toon": Known((235, 235, 235), 0.73, 0.85, 0.89),
    "mixamo": Known((235, 235, 235), 0.73, 0.90, 0.86),
    "lpc": Known((235, 235, 235), 0.75, 0.85, 0.95, least=0.5, most=0.98),
}


def known_framing(config: dict[str, Any]) -> Known | None:
    """What weights know, by the dataset that the configuration names; None where nobody can tell.

    A dataset is known by the words in its folder's name and in that of the folder around it: Mixamo_dataset/rendered.
    """
    path = str(config.get("dataset_config", {}).get("dataset_path", "")).lower()
    names = " ".join(name for one in path.split(" + ") for name in PurePath(one).parts[-2:])
    return next((known for kind, known in KNOWN.items() if re.search(rf"(?<![a-z]){kind}s?(?![a-z])", names)), None)


@dataclass(frozen=True, eq=False)
class Framed:
    """A picture for the network.

    Attributes:
        image: RGB, size x size.
        note: what was done, for people; "" where nothing was.
        figures: how many there were.
        centre: the middle of the one that is shown, in the pixels of the picture that was given; None without one.
    """

    image: Image.Image
    window: Window
    note: str
    figures: int
    centre: Point | None = None


def frame_picture(image: Image.Image, size: int, known: Known, which: int = 1) -> Framed:
    """Frame one picture, RGB or RGBA, by its largest figure, or the `which`-th.

    Raises:
        CaptureError: there are fewer figures than `which`, or it is below 1; the message lacks the file's name.
    """
    if which < 1:
        raise CaptureError(f"--which {which}: figures are counted from 1, the largest")
    small, scale = reduced(image)
    found = find_figures(small)
    if which > max(len(found.figures), 1):
        count = len(found.figures)
        raise CaptureError(f"--which {which}, but {count} figure{'s' * (count != 1)} found; leave --which out")
    if not found.figures:
        return Framed(as_is(image, size, known.ground), Window.whole(*image.size), _why_not(found), 0)
    figure = found.figures[which - 1]
    centre = (figure.centre[0] / scale, figure.centre[1] / scale)
    window = choose_window([figure.box], small.size, known)
    note = _what(found, figure, window, known, which)
    if is_known(found, window, known):
        return Framed(as_is(image, size, known.ground), Window.whole(*image.size), "", 1, centre)
    whole = Window.whole(*image.size) if window.is_whole else window.scaled(1 / scale, image.size)
    if scale < 1 and window.side < CLOSER * size:  # a small figure: look at it as finely as there is
        framed = _looked_at_closely(image, whole, centre, size, known)
    else:
        framed = cut(found, figure, window, size, known.ground)
    return Framed(framed, whole, note, len(found.figures), centre)


def _looked_at_closely(image: Image.Image, window: Window, centre: Point, size: int, known: Known) -> Image.Image:
    """The figure at `centre` of a large picture, cut out of what `window` shows of it alone."""
    left, top = max(math.floor(window.x), 0), max(math.floor(window.y), 0)
    right, bottom = math.ceil(window.x + window.side), math.ceil(window.y + window.side)
    part = image.crop((left, top, min(right, image.width), min(bottom, image.height)))
    found = find_figures(part)
    inner = Window(window.x - left, window.y - top, window.side, part.size)
    if not found.figures:
        return show(over_ground(part, known.ground), None, inner, size, known.ground)
    figure = nearest_figure(found.figures, (centre[0] - left, centre[1] - top))
    return cut(found, figure, inner, size, known.ground)


def as_is(image: Image.Image, size: int, ground: Colour) -> Image.Image:
    """The whole picture as it is, transparency over `ground`."""
    return to_square(over_ground(image, ground), size, ground)


def is_known(found: Found, window: Window, known: Known) -> bool:
    """Whether a picture is as the weights know them."""
    if len(found.figures) != 1 or found.left_out or found.ground is None or found.uneven or not window.is_whole:
        return False
    return max(abs(a - b) for a, b in zip(found.ground, known.ground)) <= SAME


def choose_window(boxes: Sequence[Box], picture: tuple[int, int], known: Known) -> Window:
    """The window in which figures stand as known: of one picture, or of some of a video's, all in one window."""
    whole = Window.whole(*picture)
    heights, widths = [b[3] - b[1] for b in boxes], [b[2] - b[0] for b in boxes]
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[2] for b in boxes), max(b[3] for b in boxes)
    height, width = float(np.median(heights)), float(np.median(widths))
    inside = (left - whole.x) > 0.01 * whole.side and (whole.x + whole.side - right) > 0.01 * whole.side
    feet = (float(np.median([b[3] for b in boxes])) - whole.y) / whole.side
    centre = ((left + right) / 2 - whole.x) / whole.side
    fits = (
        max(height, width) >= known.least * whole.side
        and height <= known.most * whole.side
        and width <= 1.08 * known.width * whole.side
    )
    if fits and inside and abs(feet - known.bottom) <= 0.16 and abs(centre - 0.5) <= 0.2:
        return whole
    side = max(height / known.height, width / known.width, (right - left) / 0.94, (bottom - top) / 0.92)
    x = (left + right) / 2 - side / 2
    y = float(np.median([b[3] for b in boxes])) - known.bottom * side
    y = min(max(y, bottom - 0.96 * side), top - 0.04 * side)
    return Window(x, y, side, picture)


def cut(found: Found, figure: Figure, window: Window, size: int, ground: Colour) -> Image.Image:
    """A figure alone on `ground`, as `window` shows it, size x size; outlined where it could not be told from it."""
    picture, alpha = found.picture, Image.new("L", found.picture.size)
    alpha.paste(Image.fromarray(figure.alpha), figure.box[:2])
    if is_faint(found, figure, ground):
        picture, alpha = outlined(picture, alpha, window.side * OUTLINE)
    return show(picture, alpha, window, size, ground)


def is_faint(found: Found, figure: Figure, ground: Colour) -> bool:
    """Whether much of a figure's edge has the colour of `ground`, so that only transparency tells it from it."""
    inside = figure.alpha >= 128
    edge = inside & ~ndimage.binary_erosion(inside, np.ones((3, 3)))
    contrast = np.abs(np.asarray(found.picture.crop(figure.box), np.int16) - ground).max(-1)
    # an outline a few pixels further in tells it well enough
    contrast = ndimage.maximum_filter(np.where(inside, contrast, 0), max(7, round(max(inside.shape) / 40)))
    return bool(edge.any()) and bool((contrast[edge] < FAINT).mean() > FAINT_SHARE)


def outlined(picture: Image.Image, alpha: Image.Image, width: float) -> tuple[Image.Image, Image.Image]:
    """An RGB picture and its alpha with a dark line of `width` pixels around what is there, as toons are drawn."""
    inside = np.asarray(alpha)
    distance = ndimage.distance_transform_edt(inside < 128)
    around = ((width + 0.5 - distance).clip(0, 1) * 255).astype(np.uint8)
    drawn = Image.new("RGB", picture.size, INK)
    drawn.paste(picture, (0, 0), alpha)
    return drawn, Image.fromarray(np.maximum(inside, around))


def what_was_done(ground: bool, scale: bool) -> str:
    """That a figure was put on the known ground, or scaled to the known size, or both, for people."""
    verbs = ["put on the ground"] * ground + ["scaled to the size"] * scale
    return f"the figure is {' and '.join(verbs)} that these weights know (--framing as_is leaves it as it is)"


def _why_not(found: Found) -> str:
    if found.why == "blank":
        return f"one colour all over, no figure is found; {GOOD_PICTURE}"
    return f"the figure can't be told from what is behind it, so the picture is used as it is; {GOOD_PICTURE}"


def _what(found: Found, figure: Figure, window: Window, known: Known, which: int) -> str:
    done = []
    if len(found.figures) > 1:
        chosen = "the largest is used" + TAKES_NEXT if which == 1 else f"number {which} is used"
        done.append(f"{len(found.figures)} figures, {chosen}")
    other_ground = found.ground is None or max(abs(a - b) for a, b in zip(found.ground, known.ground)) > SAME
    if other_ground or not window.is_whole:
        done.append(what_was_done(other_ground, not window.is_whole))
    if found.left_out:
        done.append("small pieces far from the figure are left out")
    if is_faint(found, figure, known.ground):
        done.append("a line is drawn around it, since it has that ground's colour")
    if found.uneven:
        done.append(f"the ground is not plain, so parts of it may be left around the figure ({GOOD_PICTURE})")
    return "; ".join(done)
