"""The scale of each character, and the zoom of each clip."""

from __future__ import annotations

from collections.abc import Mapping

FULL_SIZE_SHARE = 0.75  # of a character's clips are drawn at its full size; the others need more room


def choose_sizes(fits: Mapping[str, Mapping[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Scales of characters and zooms of clips. A character in a clip is drawn at scale * zoom.

    A clip has one zoom for all characters, so that two characters in the same pose have the same camera. It is 1, or
    less for a clip that would be cut off otherwise: lying down, rolling, jumping.

    Args:
        fits: character -> clip -> the largest scale at which nothing is cut off.
    """
    scales = {}
    for name, clips in fits.items():
        sizes = sorted(clips.values())
        scales[name] = _short(sizes[int((1 - FULL_SIZE_SHARE) * (len(sizes) - 1))])
    zooms: dict[str, float] = {}
    for name, clips in fits.items():
        for clip, largest in clips.items():
            zooms[clip] = min(zooms.get(clip, 1.0), largest / scales[name])
    return scales, {clip: _short(zoom) for clip, zoom in sorted(zooms.items())}


def _short(value: float) -> float:
    """The value, reduced a little, with five digits for the manifest."""
    return float(f"{value * (1 - 1e-4):.5g}")
