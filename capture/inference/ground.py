"""The ground of a picture: what its border shows, filled from there.

A ground is one colour, two (a wall and a floor, a checkerboard), or a smooth change of colour. Only what is joined to
the border is ground, so that a white shirt on white stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Colour = tuple[int, int, int]

LEAST, MOST = 8.0, 36.0  # levels by which ground may differ from its model; noise decides between them
BORDER_SHARE = 0.55  # of the border that a ground's model must explain
FRINGE = 8  # pixels beside a figure whose colours JPEG compression mixes with its own
COLOURFUL = 60  # levels between a ground's channels: figures seldom have just this colour


@dataclass(frozen=True, eq=False)
class Ground:
    """A model of the ground: colours (K, 3) that stand beside one another, or one that changes over the picture."""

    colours: np.ndarray
    surface: np.ndarray | None  # (6, 3): coefficients of 1, x, y, xx, xy, yy over [-1, 1]
    tolerance: float
    uneven: bool

    @property
    def colour(self) -> Colour:
        red, green, blue = (int(v) for v in self.colours[0].round())
        return red, green, blue

    @property
    def is_colourful(self) -> bool:
        return bool(np.ptp(self.colours[0]) >= COLOURFUL)

    def distance(self, pixels: np.ndarray) -> np.ndarray:
        """The greatest difference of a channel, (H, W), of float32 (H, W, 3)."""
        if self.surface is not None:
            of_surface: np.ndarray = np.abs(pixels - self.at(pixels.shape[:2])).max(-1)
            return of_surface
        nearest: np.ndarray = np.min([np.abs(pixels - colour).max(-1) for colour in self.colours], axis=0)
        return nearest

    def at(self, shape: tuple[int, int]) -> np.ndarray:
        """The ground's colour everywhere, float32 (H, W, 3); the commonest one where there are several."""
        if self.surface is None:
            return np.broadcast_to(self.colours[0].astype(np.float32), (*shape, 3))
        colours: np.ndarray = (_powers(shape) @ self.surface).astype(np.float32)
        return colours


def fit_ground(pixels: np.ndarray) -> Ground | None:
    """The simplest ground that most of the border of float32 (H, W, 3) agrees with; None where it agrees with none."""
    height, width = pixels.shape[:2]
    band = max(1, round(min(height, width) / 100))
    inside = np.ones((height, width), bool)
    inside[band : -band or None, band : -band or None] = False
    border = pixels[inside]
    colours: list[tuple[np.ndarray, float]] = []
    left = np.ones(len(border), bool)
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
    middle: np.ndarray = np.median(colours[np.abs(colours - centre).max(-1) <= 24], axis=0)
    return middle


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


def fill_from_border(candidate: np.ndarray) -> np.ndarray:
    """What of `candidate` (H, W) is joined to the border, by more than a gap in an outline."""
    radius = 0 if min(candidate.shape) < 160 else max(1, min(candidate.shape) // 500)
    outside = np.pad(candidate, 1, constant_values=True)
    seed = ndimage.binary_erosion(outside, iterations=radius, border_value=1) if radius else outside
    labels, _ = ndimage.label(seed)
    reached = labels == labels[0, 0]
    if radius:
        reached = ndimage.binary_dilation(reached, iterations=radius + 1, mask=outside)
    inner: np.ndarray = reached[1:-1, 1:-1]
    return inner


def without_fringe(ground: np.ndarray, distance: np.ndarray, tolerance: float, colourful: bool) -> np.ndarray:
    """Ground with what lossy compression made of it beside a figure, some pixels wide."""
    far = ~ndimage.binary_dilation(~ground, np.ones((3, 3)), iterations=2)
    beside = ground & far & ndimage.binary_dilation(~ground, np.ones((3, 3)), iterations=7)
    if not beside.any() or (distance[beside] >= 2).mean() < 0.1 or np.median(distance[ground]) >= 2:
        return ground  # not compressed, or noise that the tolerance allows for
    reach = (5 if colourful else 2) * tolerance
    grown = ndimage.binary_dilation(ground, iterations=FRINGE, mask=ground | (distance <= reach))
    opened: np.ndarray = ndimage.binary_opening(grown, np.ones((3, 3))) | ground
    return opened


def enclosed_ground(pixels: np.ndarray, ground: np.ndarray, model: Ground) -> np.ndarray:
    """Ground that a figure encloses, between arm and body say: only where the ground is too colourful to be clothes."""
    if not model.is_colourful:
        return np.zeros_like(ground)
    near = (model.distance(pixels) <= model.tolerance / 2) & ~ground
    labels, count = ndimage.label(near)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) / max((~ground).sum(), 1)
    holes = (sizes > 0.003) & (sizes < 0.03)
    holes[0] = False
    found: np.ndarray = holes[labels]
    return found
