"""A drawing's head as it looks from behind: hair, or a hat, where its face is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from capture.inference.drawing import SAME_INK, Drawing
from capture.inference.silhouette import extended
from capture.io.iuv import PART

BARE, COVERED = ("head", "face"), ("hair", "hat")
LEAST_HAIR = 0.08  # of a head's pixels, inside of the lines around the hair; with less a head is bald
LINED = 0.4  # share of the edge's pixels that have one colour where there is a line around a figure
LEVELS, FREQUENT = 32, 0.3  # levels that count as one colour; share of the pixels of the most frequent one
INK = 2.0  # network pixels: how wide a line around a part may be


def without_face(drawing: Drawing, share: Tensor, cell: float | None) -> Drawing:
    """A drawing whose face has the colours of the nearest hair or hat, inside of the line around the figure.

    A bald head has one colour, that of its skin.

    Args:
        share: (parts + 1, S, S), of the segmenter.  cell: side of the squares of pixel art, in the network's pixels.
    """
    side, size = drawing.pixels.shape[-1], share.shape[-1]
    groups = torch.stack([share[[PART[name] + 1 for name in names]].sum(0) for names in (BARE, COVERED)])
    groups = torch.cat([groups, 1 - groups.sum(0, keepdim=True)])[None]
    labels = F.interpolate(groups, (side, side), mode="bilinear")[0].argmax(0).numpy()
    figure = drawing.pixels[3].numpy() > 0.5
    bare, covered = (figure & (labels == k) for k in (0, 1))
    if not bare.any():
        return drawing
    pixels = drawing.pixels.numpy()
    line = max(INK, cell or 0.0) * side / size
    inside = ndimage.distance_transform_edt(covered) > line  # without the lines around the hair
    least = LEAST_HAIR * (bare | covered).sum()
    depth = ndimage.distance_transform_edt(figure)
    inked = _ink(pixels, figure & (depth <= line))
    if (inside & ~inked).sum() > least:  # the hair does not have the colour of the lines
        inside &= ~inked
    if inside.sum() > least:
        filled = bare | (covered & (ndimage.distance_transform_edt(~bare) <= line))
        colours = extended(pixels[:3], _frequent(pixels, inside))
    else:
        filled = bare
        skin = np.median(pixels[:3][:, bare], axis=1)
        colours = np.broadcast_to(skin[:, None, None], pixels[:3].shape)
    if drawing.outline is not None:
        filled = filled & (depth > drawing.outline.width)
    made = pixels.copy()
    made[:3, filled], made[3, filled] = colours[:, filled], 1
    return replace(drawing, pixels=torch.from_numpy(made))


def _frequent(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The pixels in a mask that have a frequent colour: those of the hat, and not of its band."""
    _, kinds, counts = np.unique(255 * pixels[:3, mask] // LEVELS, axis=1, return_inverse=True, return_counts=True)
    frequent = np.zeros_like(mask)
    frequent[mask] = (counts >= FREQUENT * counts.max())[kinds.ravel()]
    return frequent


def _ink(pixels: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """The pixels of a drawing (4, R, R) that have the colour of the lines around it, (R, R); none where the pixels of
    its edge, a mask, have many colours."""
    away = np.abs(pixels[:3] - np.median(pixels[:3][:, edge], axis=1)[:, None, None]).max(0)
    same = away < SAME_INK / 255
    found: np.ndarray = same & (same[edge].mean() > LINED)
    return found
