"""The figure in a picture that a network drew on a plain ground: how much of each pixel it covers, and its own colours.

A pixel on the figure's edge is p = a F + (1 - a) B: B is the ground, whose colour is known, F is the figure's colour,
and a is how much of the pixel the figure covers. Both are solved for, so that no fringe of the ground's colour is left
around a figure that is put on another ground (Porter and Duff, SIGGRAPH 1984, for compositing).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

PLAIN = 14.0  # levels by which the ground that a network draws differs from its colour
HALO = 28.0  # ... and the light rim that networks leave beside a dark outline
HOLE = 0.3  # mean probability of background, above which an enclosed patch of the ground's colour is a hole
HOLE_PIXELS, SPECK_PIXELS = 3, 12  # at a side of 128; smaller holes and smaller figures are noise
LEAST_CONTRAST = 40.0  # levels between a figure's edge and the ground below which the edge is no cleaner for unmixing
LEAST_COVERED = 0.35  # share of a pixel below which its own colour can't be recovered from 8 bits
_SQUARE = np.ones((3, 3))


def coverage(image: np.ndarray, ground: np.ndarray, background: np.ndarray | None = None) -> np.ndarray:
    """How much of each pixel the figure covers, float32 (S, S) in [0, 1].

    Args:
        image: float (3, S, S) in [0, 255], drawn on a plain ground.
        ground: its colour, float (3,).
        background: how likely each pixel is background, float (S, S). It tells a hole, between an arm and the body say,
            from clothes of the ground's colour. Without it, all that is not joined to the border is figure.
    """
    contrast = np.abs(image - ground[:, None, None]).max(0)  # (S, S)
    scale = (image.shape[-1] / 128) ** 2
    labels, count = ndimage.label(contrast <= HALO)
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    outside = np.isin(labels, border[border > 0])
    if background is not None:
        labels, count = ndimage.label((contrast <= HALO) & ~outside)
        numbers = np.arange(1, count + 1)
        likely = np.asarray(ndimage.mean(background, labels, numbers)) > HOLE
        plain = np.asarray(ndimage.minimum(contrast, labels, numbers)) <= PLAIN
        large = np.bincount(labels.ravel(), minlength=count + 1)[1:] >= HOLE_PIXELS * scale
        outside |= np.isin(labels, numbers[likely & plain & large])
    labels, count = ndimage.label(~outside, structure=_SQUARE)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= SPECK_PIXELS * scale
    figure = large[labels] & ~outside
    inside = ndimage.binary_erosion(figure, _SQUARE)
    edge = np.maximum(ndimage.maximum_filter(contrast * figure, 5), LEAST_CONTRAST)
    covered = np.where(ndimage.binary_dilation(figure), np.clip(contrast / edge, 0, 1), 0)
    return np.where(inside, 1, covered).astype(np.float32)


def own_colours(image: np.ndarray, covered: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The figure's colours, float32 (3, S, S) in [0, 255]; outside of it those of the nearest pixel that it fills.

    Args:
        image: float (3, S, S) in [0, 255].  covered: of `coverage`.  ground: float (3,).
    """
    behind = ground[:, None, None]
    colours = np.clip(behind + (image - behind) / np.maximum(covered, LEAST_COVERED), 0, 255)
    return extended(colours, covered > 0.5).astype(np.float32)


def extended(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Colours (C, H, W), those outside of `known` (H, W) replaced by the nearest ones inside."""
    if not known.any():
        return colours
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(colours[:, rows, columns])


def signed_distance(inside: np.ndarray) -> np.ndarray:
    """Distance in pixels to the edge of a mask (H, W): positive inside, negative outside."""
    if inside.all() or not inside.any():
        return np.full(inside.shape, np.inf if inside.all() else -np.inf, np.float32)
    depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    return np.asarray(depth - 0.5 * np.sign(depth), np.float32)
