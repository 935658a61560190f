"""Pixel art: few large pixels, few colours, ordered dithering, a one-pixel outline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_BAYER = torch.tensor(  # the 4 x 4 matrix of ordered dithering
    ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), dtype=torch.float32
)
_BAYER = (_BAYER + 0.5) / 16 - 0.5
_ROUNDS, _SAMPLES = 5, 1500  # of the k-means that finds a palette
_STEPS = 2**20  # so many steps of a colour are added up as whole numbers


@dataclass(frozen=True)
class PixelArt:
    """One kind of pixel art.

    Attributes:
        pixels: pixels to a side of the whole picture.
        colours: size of the palette of the figure.
        dither: amplitude of ordered dithering; 0 for none.
        outlined: draw a dark line of one pixel around the figure.
        averaged: a large pixel is the mean of the small ones, else the one in its middle.
        smooth: enlarge bilinearly, as programs do that know nothing of pixel art.
    """

    pixels: int
    colours: int
    dither: float = 0.0
    outlined: bool = False
    averaged: bool = True
    smooth: bool = False


def draw_pixel_art(rng: np.random.Generator) -> PixelArt:
    """24 to 96 pixels, 4 to 32 colours."""
    return PixelArt(
        int(np.exp(rng.uniform(np.log(24), np.log(96.5)))),
        int(rng.choice((4, 6, 8, 12, 16, 24, 32))),
        float(rng.choice((0, 0, 0, 0.1, 0.2))),
        bool(rng.random() < 0.4),
        bool(rng.random() < 0.55),
        bool(rng.random() < 0.2),
    )


def centres(pixels: int, size: int) -> Tensor:
    """The small pixel in the middle of each of `pixels` large ones, (pixels,)."""
    return torch.div((2 * torch.arange(pixels) + 1) * size, 2 * pixels, rounding_mode="floor")


def owners(pixels: int, size: int) -> Tensor:
    """The large pixel that each of `size` small ones belongs to, (size,): enlarging by nearest neighbour."""
    return torch.div((2 * torch.arange(size) + 1) * pixels, 2 * size, rounding_mode="floor")


def pixelate(figure: Tensor, share: Tensor, maps: Tensor, art: PixelArt, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Figures as pixel art, in large pixels.

    Args:
        figure: (N, 3, S, S), colour times share.  share: (N, 1, S, S).  maps: uint8 (N, 3, S, S).
    Returns:
        the same three, with `pixels` to a side; the share is 0 or 1.
    """
    n = min(art.pixels, figure.shape[-1])
    at = centres(n, figure.shape[-1]).to(figure.device)
    both = torch.cat((figure, share), 1)
    small = (
        F.interpolate(both, size=(n, n), mode="area") if art.averaged else both[:, :, at[:, None], at]
    )  # (N, 4, n, n)
    colour = small[:, :3] / small[:, 3:].clamp(min=1e-3)
    covered = small[:, 3:] > 0.5
    maps = maps[:, :, at[:, None], at] * covered
    colour = _quantised(colour.clamp(0, 1), covered, art, seed)
    if art.outlined:
        ring = (F.max_pool2d(F.pad(covered.float(), (1, 1, 1, 1)), 3, 1) > 0) & ~covered
        darkest = colour.mean(1, keepdim=True).masked_fill(~covered, 9.0).flatten(1).argmin(1)
        line = colour.flatten(2).gather(2, darkest[:, None, None].expand(-1, 3, 1)).unsqueeze(-1) * 0.45
        colour = torch.where(ring, line, colour)
        covered = covered | ring
    covered = covered.to(figure.dtype)
    return colour * covered, covered, maps


def enlarge(pictures: Tensor, size: int, smooth: bool = False) -> Tensor:
    """Large pixels (N, C, n, n) -> (N, C, size, size), by nearest neighbour or bilinearly."""
    n = pictures.shape[-1]
    if smooth:
        return F.interpolate(pictures, size=(size, size), mode="bilinear")
    index = owners(n, size).to(pictures.device)
    return pictures[:, :, index[:, None], index]


def _quantised(colour: Tensor, covered: Tensor, art: PixelArt, seed: int) -> Tensor:
    """The nearest colour of a palette that k-means finds in all figures together."""
    pixels = colour.permute(0, 2, 3, 1).reshape(-1, 3)
    inside = covered.flatten().nonzero().squeeze(1)
    if len(inside) < art.colours:
        return colour
    rng = np.random.default_rng([seed, 13])
    chosen = torch.from_numpy(rng.integers(0, len(inside), _SAMPLES)).to(colour.device)
    palette = _palette(pixels[inside[chosen]], art.colours)
    if art.dither:
        n = colour.shape[-1]
        tiles = _BAYER.to(colour.device).repeat(n // 4 + 1, n // 4 + 1)[:n, :n]
        pixels = (colour + art.dither * tiles).permute(0, 2, 3, 1).reshape(-1, 3)
    nearest = _distances(pixels, palette).argmin(1)
    return palette[nearest].view(len(colour), *colour.shape[2:], 3).permute(0, 3, 1, 2)


def _distances(points: Tensor, palette: Tensor) -> Tensor:
    """Squared distances (P, K), by differences: the same bits whatever the batch."""
    red, green, blue = (points.unsqueeze(1) - palette.unsqueeze(0)).square().unbind(-1)
    return red + green + blue


def _palette(points: Tensor, count: int) -> Tensor:
    """K-means from points that are far from each other (the farthest-point rule)."""
    palette = points[:1]
    distance = _distances(points, palette)[:, 0]
    for _ in range(count - 1):
        palette = torch.cat((palette, points[distance.argmax()][None]))
        distance = torch.minimum(distance, _distances(points, palette[-1:])[:, 0])
    for _ in range(_ROUNDS):
        mine = F.one_hot(_distances(points, palette).argmin(1), count).to(points.dtype)  # (P, K)
        size = mine.sum(0).unsqueeze(1)
        # sums of whole numbers are exact in any order, so every machine finds the same palette
        steps = (points * _STEPS).round().to(torch.int64).unsqueeze(1)
        sums = (mine.to(torch.int64).unsqueeze(-1) * steps).sum(0).double() / _STEPS
        palette = torch.where(size > 0, (sums / size.clamp(min=1)).to(points.dtype), palette)
    return palette
