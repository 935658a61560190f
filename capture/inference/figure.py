"""Where the figure is in a picture: by its transparency, or else by a plain ground (capture.inference.ground)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from capture.inference.ground import (
    LEAST,
    Colour,
    Ground,
    enclosed_ground,
    fill_from_border,
    fit_ground,
    without_fringe,
)

Point = tuple[float, float]  # x and y, in pixels
Box = tuple[int, int, int, int]  # left, top, right, bottom, the last two just outside

LARGEST = 1_500_000  # pixels that are searched; a larger picture is reduced first
SPECK = 0.0004  # of the picture: anything smaller is dirt
NEAR = 0.012  # of the picture's longer side: pieces this near one another belong together
RIVAL = 0.25  # of the largest figure's area: a piece this large is a figure of its own
MOST_COVERED = 0.9  # of the picture: where more is no ground, the ground was mistaken


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure: `box` in the picture, and uint8 `alpha` (height, width) of that box."""

    box: Box
    alpha: np.ndarray
    area: int

    @property
    def centre(self) -> Point:
        """The middle of its box."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True, eq=False)
class Found:
    """What find_figures found.

    Attributes:
        figures: the largest first.
        picture: RGB; where a figure's edge was mixed with the ground, the figure's own colour.
        ground: the ground's colour; None where the figure was told by transparency, or not at all.
        why: why there is no figure: "blank" (one colour all over) or "busy" (no plain ground), or "".
        uneven: whether the ground is noisy or changes colour, so that parts of it may have been taken for the figure.
        left_out: pieces too small to be figures and too far from one.
    """

    figures: list[Figure]
    picture: Image.Image
    ground: Colour | None = None
    why: str = ""
    uneven: bool = False
    left_out: int = 0


def reduced(image: Image.Image, pixels: int = LARGEST) -> tuple[Image.Image, float]:
    """A picture of at most so many pixels, and how its sides compare with those of the one that was given."""
    scale = min(1.0, (pixels / (image.width * image.height)) ** 0.5)
    if scale == 1:
        return image, scale
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    return image.resize(size, Image.Resampling.BILINEAR), scale


def find_figures(image: Image.Image) -> Found:
    """Find the figures of an RGB or RGBA picture, pixel by pixel: `reduced` first where it is large."""
    if image.mode == "RGBA" and _has_transparency(np.asarray(image.getchannel("A"))):
        alpha = np.asarray(image.getchannel("A"))
        groups, left_out = _figures(alpha >= 128)
        return Found([_figure(group, alpha) for group in groups], image.convert("RGB"), left_out=left_out)
    return _by_ground(image.convert("RGB"))


def nearest_figure(figures: Sequence[Figure], place: Point) -> Figure:
    """The figure whose middle is nearest to a place in the picture."""
    return min(figures, key=lambda figure: math.dist(figure.centre, place))


def _has_transparency(alpha: np.ndarray) -> bool:
    """Whether a figure is cut out: more is clear than rounded corners."""
    return bool((alpha < 128).mean() > 0.02) and bool((alpha >= 128).any())


def _by_ground(image: Image.Image) -> Found:
    pixels = np.asarray(image, np.float32)
    if np.ptp(pixels.reshape(-1, 3), axis=0).max() < LEAST:
        return Found([], image, why="blank")
    model = fit_ground(pixels)
    if model is None:
        return Found([], image, why="busy")
    distance = model.distance(pixels)
    ground = without_fringe(
        fill_from_border(distance <= model.tolerance), distance, model.tolerance, model.is_colourful
    )
    ground |= enclosed_ground(pixels, ground, model)
    groups, left_out = _figures(~ground, model.uneven)
    if not groups:
        return Found([], image, why="blank")
    if sum(group.sum() for group in groups) > MOST_COVERED * ground.size:
        return Found([], image, why="busy")
    colours, alpha = _clean_edges(pixels, ground, model)
    picture = Image.fromarray(colours.round().clip(0, 255).astype(np.uint8))
    figures = [_figure(group, alpha) for group in groups]
    return Found(figures, picture, model.colour, "", model.uneven, left_out)


def _figures(mask: np.ndarray, strict: bool = False) -> tuple[list[np.ndarray], int]:
    """Masks of the figures in `mask`, the largest first, and how many small pieces belong to none.

    Args:
        strict: only what touches a figure belongs to it: on an uneven ground other things lie near it.
    """
    mask = _without_specks(mask)
    radius = 0 if strict else max(1, round(max(mask.shape) * NEAR / 2))
    joined = ndimage.maximum_filter(mask, 2 * radius + 1)
    labels, count = ndimage.label(joined, structure=np.ones((3, 3)))
    labels = labels * mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept = [k for k in sizes.argsort()[::-1] if sizes[k] > max(SPECK * mask.size, 3)]
    boxes = ndimage.find_objects(labels, count)
    groups: list[list[int]] = []
    for k in kept:
        fitting = (g for g in groups if _belongs(boxes[k - 1], sizes[k], boxes[g[0] - 1], sizes[g[0]]))
        home = None if strict else next(fitting, None)
        if home is not None:
            home.append(k)
        else:
            groups.append([k])
    areas = [sum(sizes[k] for k in group) for group in groups]
    large = [i for i, area in enumerate(areas) if area >= RIVAL * max(areas)]
    alike = np.log(1.05)  # of figures as large as each other, the leftmost is the first
    large.sort(key=lambda i: (-round(np.log(areas[i]) / alike), min(boxes[k - 1][1].start for k in groups[i])))
    return [np.isin(labels, groups[i]) for i in large], len(groups) - len(large)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """The ringing of JPEG compression beside an outline is no figure."""
    labels, count = ndimage.label(mask)
    large = np.bincount(labels.ravel(), minlength=count + 1) > SPECK * mask.size
    kept: np.ndarray = large[labels] & mask
    return kept


def _belongs(piece: tuple[slice, slice], size: int, main: tuple[slice, slice], area: int) -> bool:
    """Whether a piece is part of a figure drawn in several: above or below it, or small and within its reach."""
    gap_y = max(main[0].start - piece[0].stop, piece[0].start - main[0].stop, 0)
    gap_x = max(main[1].start - piece[1].stop, piece[1].start - main[1].stop, 0)
    height = max(main[0].stop - main[0].start, piece[0].stop - piece[0].start)
    width = min(main[1].stop - main[1].start, piece[1].stop - piece[1].start)
    shared = min(main[1].stop, piece[1].stop) - max(main[1].start, piece[1].start)
    if shared >= 0.5 * width and gap_y <= 0.12 * height:
        return True
    return size < RIVAL * area and max(gap_x, gap_y) <= 0.12 * height


def _clean_edges(pixels: np.ndarray, ground: np.ndarray, model: Ground) -> tuple[np.ndarray, np.ndarray]:
    """Unmix the outermost pixels of what isn't ground: their own colours (H, W, 3), and uint8 alpha (H, W).

    A pixel p = a F + (1 - a) B on the edge has the ground's colour B and the colour F of its neighbour further in.
    """
    alpha, colours = np.where(ground, 0, 255).astype(np.uint8), pixels.copy()
    inside = ndimage.find_objects((~ground).astype(np.uint8))[0]
    part = tuple(slice(max(s.start - 4, 0), s.stop + 4) for s in inside)
    square = np.ones((3, 3))
    first = ndimage.binary_dilation(ground[part], square)
    edge, within = first & ~ground[part], ndimage.binary_dilation(first, square, iterations=2) & ~first
    if not (edge.any() and within.any()):
        return colours, alpha
    distance, (row, column) = ndimage.distance_transform_edt(~within, return_indices=True)
    edge &= distance <= 2.3
    mixture, own = pixels[part][edge], pixels[part][row[edge], column[edge]]
    behind = model.at(pixels.shape[:2])[part][edge]
    across = own - behind
    length = (across**2).sum(-1)
    share = ((mixture - behind) * across).sum(-1) / np.maximum(length, 1)
    off = np.abs(mixture - behind - share[:, None] * across).max(-1)
    mixed = (length > 30**2) & (share < 0.98) & (off < 40)
    alpha[part][edge] = (np.where(mixed, share.clip(0, 1), 1) * 255).round()
    colours[part][edge] = np.where(mixed[:, None], own, mixture)
    return colours, alpha


def _figure(group: np.ndarray, alpha: np.ndarray) -> Figure:
    """The part of `alpha` that belongs to a figure's mask, and to its half-clear edge."""
    rows, columns = ndimage.find_objects(group.astype(np.uint8))[0]
    part = slice(max(rows.start - 1, 0), rows.stop + 1), slice(max(columns.start - 1, 0), columns.stop + 1)
    room = ndimage.binary_dilation(group[part], np.ones((3, 3)))
    cut = np.where(room, alpha[part], 0).astype(np.uint8)
    tight = ndimage.find_objects((cut > 0).astype(np.uint8))[0]
    cut, corner = cut[tight], (part[1].start + tight[1].start, part[0].start + tight[0].start)
    return Figure((*corner, corner[0] + cut.shape[1], corner[1] + cut.shape[0]), cut, int(group.sum()))
