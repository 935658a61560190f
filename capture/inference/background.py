"""What a rendered figure stands on: --background auto | keep | transparent | #rrggbb."""

from __future__ import annotations

import re

import numpy as np

from capture.common.errors import CaptureError
from capture.inference.ground import Colour
from capture.inference.silhouette import coverage, own_colours

AUTO, KEEP, TRANSPARENT = "auto", "keep", "transparent"
Background = str | Colour
HAZE = 0.1  # of a predicted alpha: so near to 0 and to 1 a network is sure enough


def parse_background(text: str) -> Background:
    """auto, keep or transparent, or the colour that #rgb or #rrggbb names.

    Raises:
        CaptureError: anything else.
    """
    if text in (AUTO, KEEP, TRANSPARENT):
        return text
    digits = text.removeprefix("#")
    if text.startswith("#") and re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits):
        if len(digits) == 3:
            digits = "".join(2 * digit for digit in digits)
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    raise CaptureError(f"--background {text}: give auto, keep, transparent or a colour such as #88ccff")


def put_on(figure: np.ndarray, background: Background, known: Colour, own: Colour | None) -> np.ndarray:
    """A figure, uint8 (H, W, 4) with straight alpha, on a background.

    Args:
        known: the colour that weights draw on, for auto.  own: that of the identity's picture, for keep; None where
            that is transparent.
    Returns:
        uint8 (H, W, 3); (H, W, 4) where it is transparent.
    """
    colour = {AUTO: known, KEEP: own, TRANSPARENT: None}[background] if isinstance(background, str) else background
    if colour is None:
        return figure
    alpha = figure[..., 3:].astype(np.float32) / 255
    return np.asarray(alpha * figure[..., :3] + (1 - alpha) * np.asarray(colour, np.float32) + 0.5).astype(np.uint8)


def cut_out(
    picture: np.ndarray, ground: Colour, background: np.ndarray | None = None, alpha: np.ndarray | None = None
) -> np.ndarray:
    """The figure in a picture that a network drew, uint8 (S, S, 3): uint8 (S, S, 4), straight alpha, no fringe.

    Args:
        ground: the colour that it is drawn on.  background: see `coverage`.
        alpha: how much of each pixel the figure covers, float (S, S) in [0, 1], where the network says it.
    """
    image, behind = picture.transpose(2, 0, 1).astype(np.float32), np.asarray(ground, np.float32)
    covered = coverage(image, behind, background) if alpha is None else _without_haze(alpha)
    colours = own_colours(image, covered, behind).transpose(1, 2, 0)
    figure = np.concatenate([colours, 255 * covered[..., None]], axis=-1)
    figure[covered == 0] = 0
    return np.asarray((figure + 0.5).clip(0, 255)).astype(np.uint8)


def _without_haze(alpha: np.ndarray) -> np.ndarray:
    """A predicted alpha, float32: a network is never quite sure, and colours extended to where it is nearly 0 would be
    rays around the figure."""
    return np.asarray(((alpha - HAZE) / (1 - 2 * HAZE)).clip(0, 1), np.float32)
