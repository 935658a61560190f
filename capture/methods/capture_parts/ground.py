"""What is behind the figure in a picture, also where the figure hides it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BORDER = 1 / 16  # width of the band along the border, as a share of the picture's side, that is mostly ground
PLAIN = 0.08  # in units of [-1, 1]: by so much a plain ground's pixels differ from what the border says
GROUND = 0.9  # probability of background, above which a pixel is taken for ground
CELLS = 16  # cells to a side, of which the first estimate has a colour each
_LEAST = 0.02  # weight of the border's pixels that are surely no background: there may be no other pixels


def estimate_ground(picture: Tensor, background: Tensor) -> Tensor:
    """The ground of pictures of a figure.

    The border's colours, smoothed and continued inwards, are the first estimate: exact for one colour, and good for a
    gradient. Pixels that are surely background are kept, and the figure's place is filled from them. Where the border
    is smooth, a pixel is kept only if it agrees with the first estimate, so that a figure that the segmenter missed
    does not become ground.

    Args:
        picture: (B, 3, S, S) in [-1, 1].
        background: (B, 1, S, S), how likely each pixel is background.
    Returns:
        (B, 3, S, S).
    """
    with torch.autocast(picture.device.type, enabled=False):
        picture, background = picture.float(), background.float()
        around = -F.max_pool2d(-background, 5, stride=1, padding=2)  # the least probability within two pixels
        band = _border_band(picture) * (around + _LEAST)  # (B, 1, S, S)
        colours, weight = (F.adaptive_avg_pool2d(x, CELLS) for x in (picture * band, band))
        continued = fill(colours / weight.clamp(min=1e-12), weight)  # (B, 3, CELLS, CELLS)
        continued = F.interpolate(continued, size=picture.shape[-2:], mode="bilinear", align_corners=False)
        difference = (picture - continued).abs().amax(1, keepdim=True)  # (B, 1, S, S)
        roughness = (difference * band).sum((2, 3), keepdim=True) / band.sum((2, 3), keepdim=True)
        agrees = (difference < PLAIN) | (roughness > PLAIN)
        kept = (agrees & (around > GROUND)).float()
        filled = fill(picture, kept + 1e-4 * band)
        return kept * picture + (1 - kept) * filled


def fill(picture: Tensor, weight: Tensor) -> Tensor:
    """Pictures (B, C, S, S) whose pixels of weight (B, 1, S, S) 0 take the colours of what is around them.

    This is the push-pull algorithm (Gortler et al., SIGGRAPH 1996).
    """
    levels = [(picture * weight, weight)]
    while levels[-1][1].shape[-1] > 1 and levels[-1][1].shape[-1] % 2 == 0:
        levels.append((F.avg_pool2d(levels[-1][0], 2), F.avg_pool2d(levels[-1][1], 2)))
    colours, weight = levels[-1]
    filled = (colours.sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True).clamp(min=1e-12)).expand_as(colours)
    for level_colours, level_weight in reversed(levels):
        if filled.shape[-1] != level_colours.shape[-1]:
            filled = F.interpolate(filled, scale_factor=2.0, mode="bilinear", align_corners=False)
        known = (level_weight / level_weight.amax((2, 3), keepdim=True).clamp(min=1e-12)).clamp(max=1)
        filled = known * level_colours / level_weight.clamp(min=1e-12) + (1 - known) * filled
    return filled


def _border_band(picture: Tensor) -> Tensor:
    """1 in a band along the border and 0 inside, (1, 1, S, S)."""
    side = picture.shape[-1]
    width = max(round(side * BORDER), 1)
    inner = picture.new_zeros(1, 1, side - 2 * width, side - 2 * width)
    return F.pad(inner, (width, width, width, width), value=1.0)
