"""The four drawing styles of CaPTURe-Bench: the same scene, drawn once in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from capture.data.styles.pixel_art import PixelArt
from capture.data.styles.style import NO_INK, Ink, Shading, Style
from capture.data.toon.rendering.camera import Shot
from capture.data.toon.rendering.render import draw_plainly
from capture.data.toon.rendering.scene import make_scene
from capture.data.toon.styles.drawing import draw_scene

PLAIN = "shaded"  # the style of the toon renderer, in which training data is drawn: two tones and a thin outline
_NO_LIGHT = Shading(0, highlights=False)
OTHERS: dict[str, Style] = {
    "flat": Style("flat", _NO_LIGHT, NO_INK),
    "outlined": Style("outlined", _NO_LIGHT, Ink(4, 2, (0.07, 0.06, 0.09), own=0.0)),
    # half of the picture's side, sixteen colours for the three pictures of a pair
    "pixel": Style("pixel", Shading(highlights=False), NO_INK, pixel_art=PixelArt(64, 16, outlined=True)),
}
STYLES = (PLAIN, *OTHERS)
ROLES = 3  # pictures of a pair, which have one palette


def draw_pairs(shots: Sequence[Shot], size: int) -> dict[str, dict[str, Tensor]]:
    """Draw the pictures of pairs in every style, whichever pairs are drawn together.

    Args:
        shots: the ROLES shots of each pair, one pair after the other.
        size: side S of the pictures.
    Returns:
        style -> rgb uint8 (N, 3, S, S), iuv uint8 (N, 3, S, S), mask bool (N, S, S).
    """
    with torch.no_grad():
        scene = make_scene(shots, size, "cpu")
        drawn = {PLAIN: draw_plainly(scene, ("rgb", "iuv", "mask"))}
        for name, style in OTHERS.items():
            # pictures of equal styles share a palette, so every pair has a style of its own
            styles = [replace(style, name=f"{name} {place // ROLES}") for place in range(len(shots))]
            drawn[name] = draw_scene(scene, styles)
    return drawn
