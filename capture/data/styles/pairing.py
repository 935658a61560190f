"""Styles and crops of a training sample: identity, real and target share a style, and the pose has another one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from capture.data.styles.style import PLAIN, Style, draw_style

_SAME, _ONE_PLAIN = 0.25, 0.2  # shares of styled samples whose pose has the same style; where one of the two is plain
_CROPPED = 0.5  # share of pictures of styled samples that are cropped
_ZOOMS = (0.5, 1.3)


class Styles(NamedTuple):
    """The style of identity, real and target, and that of the pose."""

    own: Style
    other: Style


def draw_styles(rng: np.random.Generator, variety: str, share: float) -> Styles:
    """Styles of a sample, or of the two characters of a render group.

    Args:
        variety: few or many (capture.data.styles.style.KINDS).
        share: how many samples are drawn in styles; the others are plain.
    """
    if rng.random() >= share:
        return Styles(PLAIN, PLAIN)
    choice, own = rng.random(), draw_style(rng, variety)
    if choice < _SAME:
        return Styles(own, own)
    if choice < _SAME + _ONE_PLAIN:
        return Styles(own, PLAIN) if rng.random() < 0.5 else Styles(PLAIN, own)
    return Styles(own, draw_style(rng, variety))


def draw_crop(rng: np.random.Generator) -> tuple[float, float, float]:
    """Zoom about the middle, and shifts of column and row: a figure from a quarter to all of the frame, anywhere.

    Half of all pictures stay as they are: 1, 0, 0.
    """
    if rng.random() >= _CROPPED:
        return 1.0, 0.0, 0.0
    zoom = float(np.exp(rng.uniform(*np.log(_ZOOMS))))
    aside, up, down = 0.5 - 0.3 * zoom, 0.5 - 0.3 * zoom, 0.5 - 0.4 * zoom  # where a standing figure still fits
    return zoom, float(rng.uniform(-aside, aside)), float(rng.uniform(-up, down))
