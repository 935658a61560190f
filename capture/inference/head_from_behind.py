"""A drawing's head as it looks from behind: hair, or a hat, where its face is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from capture.inference.drawing import Drawing
from capture.inference.silhouette import extended
from capture.io.iuv import PART

BARE, COVERED = ("head", "face"), ("hair", "hat")
LEAST_HAIR = 0.08  # of a head's pixels, inside of the lines around the hair; with less a head is bald
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
    if inside.sum() > LEAST_HAIR * (bare | covered).sum():
        filled = bare | (covered & (ndimage.distance_transform_edt(~bare) <= line))
        colours = extended(pixels[:3], inside)
    else:
        filled = bare
        skin = np.median(pixels[:3][:, bare], axis=1)
        colours = np.broadcast_to(skin[:, None, None], pixels[:3].shape)
    if drawing.outline is not None:
        filled = filled & (ndimage.distance_transform_edt(figure) > drawing.outline.width)
    made = pixels.copy()
    made[:3, filled], made[3, filled] = colours[:, filled], 1
    return replace(drawing, pixels=torch.from_numpy(made))
