"""Where the figure is in a picture: by its transparency, or else by a plain ground that is filled from the border.

A ground is what the border of a picture shows: one colour, two (a wall and a floor, a checkerboard), or a smooth change
of colour. Only what is joined to the border is ground, so that a white shirt on white stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom, the last two just outside

LARGEST = 1_500_000  # pixels that are searched; a larger picture is reduced first
LEAST, MOST = 8.0, 36.0  # levels by which ground may differ from its model; noise decides between them
BORDER_SHARE = 0.55  # of the border that a ground's model must explain
SPECK = 0.0004  # of the picture: anything smaller is dirt
NEAR = 0.012  # of the picture's longer side: pieces this near one another belong together
RIVAL = 0.25  # of the largest figure's area: a piece this large is a figure of its own
MOST_COVERED = 0.9  # of the picture: where more is no ground, the ground was mistaken
FRINGE = 8  # pixels beside a figure whose colours JPEG compression mixes with its own
COLOURFUL = 60  # levels between a ground's channels: figures seldom have just this colour


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure: `box` in the picture, and uint8 `alpha` (height, width) of that box."""

    box: Box
    alpha: np.ndarray
    area: int


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
    ground = _without_fringe(_filled(distance <= model.tolerance), distance, model.tolerance, model.is_colourful)
    ground |= _holes(pixels, ground, model)
    groups, left_out = _figures(~ground, model.uneven)
    if not groups:
        return Found([], image, why="blank")
    if sum(group.sum() for group in groups) > MOST_COVERED * ground.size:
        return Found([], image, why="busy")
    colours, alpha = _clean_edges(pixels, ground, model)
    picture = Image.fromarray(colours.round().clip(0, 255).astype(np.uint8))
    figures = [_figure(group, alpha) for group in groups]
    return Found(figures, picture, model.colour, "", model.uneven, left_out)


@dataclass(frozen=True, eq=False)
class Ground:
    """A model of the ground: colours (K, 3) that stand beside one another, or one that changes over the picture."""

    colours: np.ndarray
    surface: np.ndarray | None  # (6, 3): coefficients of 1, x, y, xx, xy, yy over [-1, 1]
    tolerance: float
    uneven: bool

    @property
    def colour(self) -> Colour:
        return tuple(int(v) for v in self.colours[0].round())

    @property
    def is_colourful(self) -> bool:
        return bool(np.ptp(self.colours[0]) >= COLOURFUL)

    def distance(self, pixels: np.ndarray) -> np.ndarray:
        """The greatest difference of a channel, (H, W), of float32 (H, W, 3)."""
        if self.surface is not None:
            return np.abs(pixels - self.at(pixels.shape[:2])).max(-1)
        return np.min([np.abs(pixels - colour).max(-1) for colour in self.colours], axis=0)

    def at(self, shape: tuple[int, int]) -> np.ndarray:
        """The ground's colour everywhere, float32 (H, W, 3); the commonest one where there are several."""
        if self.surface is None:
            return np.broadcast_to(self.colours[0].astype(np.float32), (*shape, 3))
        return (_powers(shape) @ self.surface).astype(np.float32)


def fit_ground(pixels: np.ndarray) -> Ground | None:
    """The simplest ground that most of the border of float32 (H, W, 3) agrees with; None where it agrees with none."""
    height, width = pixels.shape[:2]
    band = max(1, round(min(height, width) / 100))
    inside = np.ones((height, width), bool)
    inside[band : -band or None, band : -band or None] = False
    border = pixels[inside]
    colours, left = [], np.ones(len(border), bool)
    for _ in range(2):
        if left.mean() < 0.08:
            break
        colour = _mode(border[left])
        tolerance = _tolerance(np.abs(border[left] - colour).max(-1))
        near = np.abs(border - colour).max(-1) <= tolerance
        if colours and not _on_both_sides(near, inside):
            break  # a figure that the picture's edge cuts off
        colours.append((colour, tolerance))
        left &= ~near
        if len(colours) == 1 and (~left).mean() >= 0.9:
            break
    share = 1 - left.mean()
    tolerance = max(tolerance for _, tolerance in colours)
    smooth = _fit_surface(border, inside) if tolerance > 1.5 * LEAST or len(colours) > 1 else None
    if smooth and (smooth.tolerance < 0.7 * tolerance or (len(colours) > 1 and smooth.tolerance < 1.2 * LEAST)):
        return smooth
    if share >= BORDER_SHARE and (len(colours) == 1 or share >= 0.85):
        uneven = tolerance > 2.5 * LEAST or len(colours) > 1
        return Ground(np.stack([colour for colour, _ in colours]), None, tolerance, uneven)
    return _fit_surface(border, inside)


def _mode(colours: np.ndarray) -> np.ndarray:
    """The commonest colour of (N, 3), refined to the median of what is near it."""
    coarse = (colours // 24).astype(np.int64)
    keys, counts = np.unique(coarse @ [1, 16, 256], return_counts=True)
    most = keys[counts.argmax()]
    centre = np.median(colours[coarse @ [1, 16, 256] == most], axis=0)
    return np.median(colours[np.abs(colours - centre).max(-1) <= 24], axis=0)


def _tolerance(distance: np.ndarray) -> float:
    """How far ground reaches from its model, by the noise of what is near it."""
    near = distance[distance <= MOST]
    return float(np.clip(LEAST + 3 * np.median(near), LEAST, MOST)) if len(near) else LEAST


def _on_both_sides(near: np.ndarray, inside: np.ndarray) -> bool:
    mask = np.zeros(inside.shape, bool)
    mask[inside] = near
    return bool(mask[:, 0].mean() > 0.08) and bool(mask[:, -1].mean() > 0.08)


def _powers(shape: tuple[int, int]) -> np.ndarray:
    """1, x, y, xx, xy, yy over the picture, (H, W, 6)."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _fit_surface(border: np.ndarray, inside: np.ndarray) -> Ground | None:
    """A gradient: a quadratic surface through the border, fitted again without what is far from it."""
    powers = _powers(inside.shape)[inside]
    kept = np.ones(len(border), bool)
    for _ in range(6):
        surface = np.linalg.lstsq(powers[kept], border[kept], rcond=None)[0]
        distance = np.abs(border - powers @ surface).max(-1)
        kept = distance <= max(float(np.median(distance)) * 2.5, LEAST / 2)
    tolerance = _tolerance(distance)
    if (distance <= tolerance).mean() < 0.75:
        return None
    return Ground(np.median(border[kept], axis=0)[None], surface, tolerance, True)


def _filled(candidate: np.ndarray) -> np.ndarray:
    """What of `candidate` (H, W) is joined to the border, by more than a gap in an outline."""
    radius = 0 if min(candidate.shape) < 160 else max(1, min(candidate.shape) // 500)
    outside = np.pad(candidate, 1, constant_values=True)
    seed = ndimage.binary_erosion(outside, iterations=radius, border_value=1) if radius else outside
    labels, _ = ndimage.label(seed)
    reached = labels == labels[0, 0]
    if radius:
        reached = ndimage.binary_dilation(reached, iterations=radius + 1, mask=outside)
    return reached[1:-1, 1:-1]


def _without_fringe(ground: np.ndarray, distance: np.ndarray, tolerance: float, colourful: bool) -> np.ndarray:
    """Ground with what lossy compression made of it beside a figure, some pixels wide."""
    far = ~ndimage.binary_dilation(~ground, np.ones((3, 3)), iterations=2)
    beside = ground & far & ndimage.binary_dilation(~ground, np.ones((3, 3)), iterations=7)
    if not beside.any() or (distance[beside] >= 2).mean() < 0.1 or np.median(distance[ground]) >= 2:
        return ground  # not compressed, or noise that the tolerance allows for
    reach = (5 if colourful else 2) * tolerance
    grown = ndimage.binary_dilation(ground, iterations=FRINGE, mask=ground | (distance <= reach))
    return ndimage.binary_opening(grown, np.ones((3, 3))) | ground


def _holes(pixels: np.ndarray, ground: np.ndarray, model: Ground) -> np.ndarray:
    """Ground that a figure encloses, between arm and body say: only where the ground is too colourful to be clothes."""
    if not model.is_colourful:
        return np.zeros_like(ground)
    near = (model.distance(pixels) <= model.tolerance / 2) & ~ground
    labels, count = ndimage.label(near)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) / max((~ground).sum(), 1)
    holes = (sizes > 0.003) & (sizes < 0.03)
    holes[0] = False
    return holes[labels]


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
    return (np.bincount(labels.ravel(), minlength=count + 1) > SPECK * mask.size)[labels] & mask


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
