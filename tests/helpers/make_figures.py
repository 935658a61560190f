"""Drawn figures for tests: a person, cut out, in any colours, and the same on any ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
FINE = 4  # drawn so many times larger, for smooth edges
OUTLINE = (20, 16, 20)


def person(
    size: int = 200,
    shirt: Colour = (220, 40, 60),
    hair: Colour = (90, 40, 20),
    trousers: Colour = (40, 60, 140),
    outline: Colour | None = OUTLINE,
    akimbo: bool = False,
) -> Image.Image:
    """RGBA (size x size): a standing figure, transparent around it.

    Args:
        akimbo: hands on hips, so that the arms enclose ground.
    """
    s = size * FINE
    image = Image.new("RGBA", (s, s), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    line = {"outline": outline, "width": max(1, s // 90)} if outline else {}
    skin = (250, 210, 170)

    def box(*part: float) -> list[float]:
        return [v * s for v in part]

    def shape(points: Sequence[tuple[float, float]], fill: Colour) -> None:
        pen.polygon([(x * s, y * s) for x, y in points], fill=fill, **line)

    for side in (-1, 1):
        leg = [(0.5 + side * x, y) for x, y in ((0.02, 0.62), (0.11, 0.62), (0.12, 0.9), (0.03, 0.9))]
        shape(leg, trousers)
        pen.ellipse(box(0.5 + side * 0.08 - 0.07, 0.88, 0.5 + side * 0.08 + 0.07, 0.96), fill=(60, 30, 20), **line)
        if akimbo:
            arm = ((0.12, 0.36), (0.27, 0.48), (0.14, 0.6), (0.1, 0.57), (0.2, 0.48), (0.1, 0.42))
        else:
            arm = ((0.12, 0.36), (0.24, 0.56), (0.19, 0.59), (0.1, 0.44))
        shape([(0.5 + side * x, y) for x, y in arm], skin)
    shape(((0.37, 0.36), (0.63, 0.36), (0.62, 0.64), (0.38, 0.64)), shirt)
    pen.ellipse(box(0.35, 0.06, 0.65, 0.36), fill=skin, **line)
    pen.pieslice(box(0.34, 0.04, 0.66, 0.36), 180, 360, fill=hair, **line)
    for x in (0.44, 0.56):
        pen.ellipse(box(x - 0.02, 0.2, x + 0.02, 0.25), fill=(20, 20, 20))
    return image.resize((size, size), Image.Resampling.BOX)


def place(
    figures: Sequence[tuple[Image.Image, tuple[int, int]]], ground: Image.Image | Colour, size: tuple[int, int]
) -> Image.Image:
    """RGB: cut-out figures at places (left, top) on a ground."""
    picture = Image.new("RGB", size, ground) if isinstance(ground, tuple) else ground.resize(size).convert("RGB")
    for figure, at in figures:
        picture.paste(figure, at, figure)
    return picture


def gradient(size: int, top: Colour, bottom: Colour, radial: bool = False) -> Image.Image:
    """A ground that changes smoothly from one colour to another, downwards or outwards."""
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    share = np.clip((x**2 + y**2) / 2 if radial else (y + 1) / 2, 0, 1)[..., None]
    return Image.fromarray((np.array(top) * (1 - share) + np.array(bottom) * share).round().astype(np.uint8))


def checkerboard(size: int, cell: int = 10) -> Image.Image:
    """What programs draw behind transparency."""
    y, x = np.meshgrid(np.arange(size) // cell, np.arange(size) // cell, indexing="ij")
    return Image.fromarray(np.where(((x + y) % 2)[..., None], 255, 204).repeat(3, -1).astype(np.uint8))


def noise(size: int, spread: int, seed: int = 0) -> Image.Image:
    """A photograph-like ground: blotches of many colours and grain."""
    rng = np.random.default_rng(seed)
    blotches = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize((size, size))
    grain = rng.integers(-spread, spread + 1, (size, size, 3))
    return Image.fromarray((np.asarray(blotches) + grain).clip(0, 255).astype(np.uint8))


def save_animation(path: Path, frames: Sequence[Image.Image], durations: Sequence[int] | int, **options) -> Path:
    """GIF, APNG (.png), WebP (lossless) or AVIF, by the name."""
    more = {".webp": {"lossless": True}, ".gif": {"loop": 0}}.get(path.suffix, {})
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, **{**more, **options})
    return path
