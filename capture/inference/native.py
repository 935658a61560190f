"""A picture at the size of the identity's own drawing: the network decides where everything comes from, at its own
resolution, and the drawing itself is sampled there.

For every pixel of the fine picture the likeliest part is found from the enlarged logits; that part's affine map and the
residual flow say where in the drawing the pixel comes from. Flow is not blended across the borders of parts. Where the
network painted over the identity's pixels, and what it painted differs from them, its own picture is enlarged and laid
over the drawing. The silhouette is that of the network's picture, made smooth, and the line around the drawing, where
there is one, is drawn along it again: enlarged from the network's picture the line would be a broad smear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from capture.inference.body_regions import BodyRegions
from capture.inference.drawing import Drawing, Outline
from capture.inference.silhouette import coverage, extended, own_colours, signed_distance
from capture.methods.layers import Layers

SMOOTH_EDGE, SMOOTH_PARTS = 0.8, 0.7  # network pixels, standard deviations: the networks see squares of 2 x 2 pixels
SMOOTH_COLOURS = 0.8  # network pixels: colours that are compared may be displaced by so much
SAME, OTHER = 12.0, 42.0  # levels: up to SAME a painted pixel is the drawing's, from OTHER on it is another
EDGE_BAND = 2.0  # network pixels beside the silhouette, where the network paints the line around the figure
NOTHING = 60.0  # levels from the ground, within which painted pixels where the drawing is clear show no figure
LEAST_SLOPE = 0.02  # of coverage, a network pixel


@dataclass(frozen=True, eq=False)
class _Square:
    """The part of the fine picture that has the figure in it: `corner` (row, column) and `shape`, of side R in all."""

    side: int
    rows: slice
    columns: slice

    def enlarge(self, x: np.ndarray, mode: str = "bicubic") -> np.ndarray:
        """Maps (C, S, S) at side R, this part of them."""
        return self.enlarged(torch.from_numpy(np.ascontiguousarray(x, np.float32)), mode).numpy()

    def enlarged(self, x: Tensor, mode: str = "bicubic") -> Tensor:
        """The same of tensors."""
        fine = F.interpolate(x[None], size=(self.side, self.side), mode=mode, align_corners=False)[0]
        return fine[:, self.rows, self.columns]

    def points(self) -> Tensor:
        """(2, height, width): x and y of the pixels' centres, from -1 to 1 over the whole picture."""
        y, x = ((2 * torch.arange(s.start, s.stop) + 1) / self.side - 1 for s in (self.rows, self.columns))
        return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def render_native(
    layers: Layers,
    index: int,
    drawings: Sequence[Drawing],
    ground: Sequence[float],
    sampling: str = "bicubic",
    finer: bool = True,
    regions: Sequence[BodyRegions] = (),
) -> np.ndarray:
    """Picture `index` of a batch of layers at the drawings' size R: uint8 (R, R, 4), straight alpha.

    Args:
        layers: on the CPU, float32.
        drawings: one for each identity picture of the layers, all of the same size.
        ground: the colour, 0..255, on which the network draws.
        sampling: of the drawings, bicubic or nearest.
        regions: of each drawing; positions outside of the wanted one are moved into it.
        finer: whether the drawings show more than the network saw. Where they do not, its picture alone is enlarged.
    """
    side, size = drawings[0].pixels.shape[-1], layers.image.shape[-1]
    behind = np.asarray(ground, np.float32)
    image = (layers.image[index].numpy() + 1) * 127.5  # (3, S, S)
    background = layers.logits[index].softmax(0)[0].numpy()  # (S, S)
    predicted = layers.figure_alpha
    covered = coverage(image, behind, background) if predicted is None else predicted[index, 0].numpy()
    result = np.zeros((side, side, 4), np.uint8)
    if not covered.any():
        return result
    square, scale = _around(covered, side), side / size
    soft = ndimage.gaussian_filter(square.enlarge(covered[None])[0], SMOOTH_EDGE * scale)
    alpha, depth = _antialiased(soft, scale), signed_distance(soft > 0.5)
    painted = own_colours(image, covered, behind)  # (3, S, S)
    grid, source, part = sampling_grid(layers, index, square)
    for n, one in enumerate(regions):
        grid = torch.where(source == n, one.corrected(grid, part), grid)
    drawn = _sample(drawings, grid, source, sampling)  # (4, h, w), colours times alpha
    colours, opaque = 255 * drawn[:3], drawn[3]
    enlarged = np.clip(square.enlarge(painted), 0, 255)
    outline = drawings[0].outline
    share = _drawn_share(layers, index, square, colours + (1 - opaque) * enlarged, painted) if finer else 0 * opaque
    if outline is None and (depth >= EDGE_BAND * scale).any():  # no line: none is to be left of the network's
        share = extended(share[None], depth >= EDGE_BAND * scale)[0]
    colours = share * colours + (1 - share * opaque) * enlarged
    nothing = (opaque < 0.5) & (np.abs(enlarged - behind[:, None, None]).max(0) < NOTHING)
    if nothing[depth > 0].any():  # neither the drawing nor the network has a colour there
        nothing = ndimage.binary_dilation(nothing, iterations=max(round(scale / 2), 1))
        colours = extended(colours, ~nothing & (depth > 0))
    if outline is not None:
        colours = draw_outline(colours, depth, outline)
    result[square.rows, square.columns, :3] = _to_bytes(colours).transpose(1, 2, 0)
    result[square.rows, square.columns, 3] = _to_bytes(255 * alpha)
    result[result[..., 3] == 0] = 0
    return result


def sampling_grid(layers: Layers, index: int, square: _Square) -> tuple[Tensor, Tensor, Tensor]:
    """Where the fine pixels come from: positions (2, h, w), the number of the identity picture and that of the part,
    int64 (h, w)."""
    logits = layers.logits[index, 1:]  # (P, S, S)
    present = logits.flatten(1).argmax(0).unique()
    soft = torch.from_numpy(ndimage.gaussian_filter(logits[present].numpy(), (0, SMOOTH_PARTS, SMOOTH_PARTS)))
    part = present[square.enlarged(soft).argmax(0)]  # (h, w)
    a = layers.part_maps[index].flatten(1)[part].permute(2, 0, 1)  # (6, h, w)
    x, y = square.points()
    grid = torch.stack([a[0] * x + a[1] * y + a[2], a[3] * x + a[4] * y + a[5]])  # (2, h, w)
    source = layers.part_source[index][part]  # (h, w)
    for n, flow in enumerate(layers.residual_flow[index]):
        if len(layers.residual_flow[index]) == 1:
            grid = grid + square.enlarged(flow, "bilinear")
        elif (source == n).any():
            grid = torch.where(source == n, grid + square.enlarged(flow, "bilinear"), grid)
    return grid, source, part


def draw_outline(colours: np.ndarray, depth: np.ndarray, outline: Outline) -> np.ndarray:
    """Colours (3, h, w) with a line along the silhouette; depth (h, w): see `signed_distance`."""
    line = np.clip(outline.width + 0.5 - depth, 0, 1)
    return np.asarray(colours * (1 - line) + line * outline.colour[:, None, None].astype(np.float32))


def _around(covered: np.ndarray, side: int) -> _Square:
    """The figure and four network pixels around it."""
    scale, spans = side / covered.shape[-1], []
    for axis in (1, 0):
        filled = np.flatnonzero(covered.any(axis))
        spans.append(slice(max(int((filled[0] - 4) * scale), 0), min(int((filled[-1] + 5) * scale), side)))
    return _Square(side, spans[0], spans[1])


def _antialiased(soft: np.ndarray, scale: float) -> np.ndarray:
    """Alpha (h, w) with an edge one pixel wide where `soft` is a half."""
    slope = np.hypot(*np.gradient(soft))
    alpha: np.ndarray = np.clip((soft - 0.5) / np.maximum(slope, LEAST_SLOPE / scale) + 0.5, 0, 1)
    return alpha


def _sample(drawings: Sequence[Drawing], grid: Tensor, source: Tensor, sampling: str) -> np.ndarray:
    """Pixels (4, h, w) of the drawings at a grid."""
    sampled = torch.zeros(4, *source.shape)
    for n, drawing in enumerate(drawings):
        chosen = source == n
        if chosen.any():
            pixels = F.grid_sample(drawing.pixels[None], grid.permute(1, 2, 0)[None], sampling, align_corners=False)[0]
            sampled = torch.where(chosen, pixels, sampled)
    alpha = sampled[3:].clamp(0, 1)
    return torch.cat([torch.minimum(sampled[:3].clamp(min=0), alpha), alpha]).numpy()


def _drawn_share(layers: Layers, index: int, square: _Square, drawn: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """How much of each fine pixel (h, w) is the drawing's: all of it but where the network painted something else."""
    size = layers.image.shape[-1]
    whole = np.zeros((3, square.side, square.side), np.float32)
    whole[:, square.rows, square.columns] = drawn
    coarse = F.interpolate(torch.from_numpy(whole)[None], size=(size, size), mode="area")[0].numpy()
    blur = (0, SMOOTH_COLOURS, SMOOTH_COLOURS)
    differs = np.abs(ndimage.gaussian_filter(coarse, blur) - ndimage.gaussian_filter(painted, blur)).max(0)  # (S, S)
    other = np.clip((differs - SAME) / (OTHER - SAME), 0, 1)
    share = 1 - (1 - layers.warped_share[index, 0].numpy()) * other
    return np.asarray(square.enlarge(share[None])[0].clip(0, 1))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return (values + 0.5).clip(0, 255).astype(np.uint8)
