"""Finished pictures in another style: filters that know the figure, its parts and the ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.data.styles.colours import shift_colours
from capture.data.styles.defects import apply_defects
from capture.data.styles.edges import part_edges
from capture.data.styles.grounds import ground_picture
from capture.data.styles.layers import Layers
from capture.data.styles.medium import apply_medium
from capture.data.styles.pixel_art import enlarge, pixelate
from capture.data.styles.style import PLAIN, Style

_FIGURE_DIFFERENCE = 24 / 255  # from the ground's colour: what differs more is figure


class Drawn(NamedTuple):
    """N pictures in a style; all uint8."""

    pictures: Tensor  # (N, 3, S, S)
    maps: Tensor  # (N, 3, S, S), IUV; of pixel art, that of the large pixels
    alpha: Tensor  # (N, 1, S, S), how much of each pixel the figure covers
    ground: Tensor  # (N, 3, S, S), what is behind the figure


def compose(layers: Layers, style: Style) -> Drawn:
    """Colours, medium, pixel art, ground and defects of a style. The defects of pictures reach their ground too."""
    size = layers.paint.shape[-1]
    layers.paint = shift_colours(layers.paint, style.colours)
    layers = apply_medium(layers, style.medium, style.seed)
    figure, share = layers.figure()
    maps = layers.maps
    if style.pixel_art:
        art = style.pixel_art
        figure, share, maps = pixelate(figure, share, maps, art, style.seed)
        figure, share, maps = enlarge(figure, size, art.smooth), enlarge(share, size, art.smooth), enlarge(maps, size)
    ground = ground_picture(style.ground, size, layers.ground)
    whole = (figure + ground * (1 - share)).clamp(0, 1)
    pictures = apply_defects(whole, style.defects, style.seed)
    ground = apply_defects(ground, style.defects, style.seed, of=whole).expand_as(pictures)
    return Drawn(_to_bytes(pictures), maps, _to_bytes(share), _to_bytes(ground))


def filter_pictures(pictures: Tensor, maps: Tensor, style: Style) -> Drawn:
    """Draw finished pictures on a ground of one colour in a style, as far as that is possible without their geometry.

    Args:
        pictures, maps: uint8 (N, 3, S, S). Maps of zeros stay zeros; the figure is then what differs from the ground.
    """
    if style == PLAIN:
        _, share, ground = _find_figure(pictures, maps)
        return Drawn(pictures, maps, _to_bytes(share), _to_bytes(ground).expand_as(pictures))
    return compose(separate(pictures, maps, style), style)


def separate(pictures: Tensor, maps: Tensor, style: Style) -> Layers:
    """Layers of finished pictures; the style's ink is drawn along the edges of parts and figure."""
    x, share, ground = _find_figure(pictures, maps)
    ink_share = torch.zeros_like(share)
    if style.ink.outer or style.ink.inner:
        ink_share = part_edges(maps[:, :1], share > 0.5, style.ink, style.seed) * 1.0
    colour = torch.tensor(style.ink.colour or (0.08, 0.07, 0.1), device=x.device).view(1, 3, 1, 1)
    ink = (colour * (1 - style.ink.own) + x * style.ink.own) * ink_share
    return Layers(x, share * (1 - ink_share), ink, ink_share, maps, ground)


def _find_figure(pictures: Tensor, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (N, 3, S, S) in [0, 1], the share of the figure (N, 1, S, S), and the ground's colour (N, 3, 1, 1)."""
    x = pictures.float() / 255
    corners = torch.stack([x[:, :, i, j] for i in (0, -1) for j in (0, -1)], 2)  # (N, 3, 4)
    ground = corners.median(2).values[:, :, None, None]
    difference = (x - ground).abs().amax(1, keepdim=True)
    share = torch.maximum((difference / _FIGURE_DIFFERENCE).clamp(0, 1), (maps[:, :1] > 0).float())
    return x, share, ground


def _to_bytes(x: Tensor) -> Tensor:
    return (x * 255 + 0.5).to(torch.uint8)


def crop_pictures(
    pictures: Tensor, maps: Tensor, zooms: Sequence[float], columns: Sequence[float], rows: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Each picture enlarged about its middle and shifted by shares of its side: p -> (p - 1/2) zoom + 1/2 + shift.

    Args:
        pictures, maps: uint8 (N, 3, S, S).
    Returns:
        the same; pictures are sampled bilinearly with their border repeated, maps by the nearest pixel.
    """
    size, device = pictures.shape[-1], pictures.device
    steps = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size - 0.5
    zoom, column, row = (
        torch.tensor(list(v), dtype=torch.float32, device=device)[:, None] for v in (zooms, columns, rows)
    )
    x, y = (steps - column) / zoom, (steps - row) / zoom  # (N, S) each, from the middle of the picture
    grid = torch.stack(torch.broadcast_tensors(2 * x[:, None, :], 2 * y[:, :, None]), -1)
    sampled = F.grid_sample(pictures.float(), grid, "bilinear", "border", align_corners=False)
    nearest = F.grid_sample(maps.float(), grid, "nearest", "zeros", align_corners=False)
    return (sampled + 0.5).to(torch.uint8), nearest.to(torch.uint8)
