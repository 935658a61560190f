"""Dense correspondence by IUV maps: the one definition of "the same surface point" for every method.

An IUV map is uint8 (B, 3, H, W): the body part that a pixel shows (1 .. grid², 0 for the background) and the surface
coordinates u (around the part, cyclic) and v (along it), 0 .. 255 for 0 .. 1, as in DensePose (Güler et al., CVPR
2018). Part numbers that do not exist count as background. The distance of two points of one part is

    d² = |(cos 2πu, sin 2πu) - (cos 2πu', sin 2πu')|² / 4π² + (v - v')²

so that it is about the difference of u for neighbours, and u = 0 and u = 1 are the same place. Flows and located points
use this chord. The arc, d² = Δu² + Δv² with the shorter way around, is 1 % longer at a distance of 0.08 and 7 % at 0.2;
the loss of attention, whose Gaussian is wide, uses the arc.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.io.iuv import ATLAS_GRID

Metric = Literal["chord", "arc"]
INVALID = -2.0  # both coordinates of a flow where nothing corresponds; a sampler finds zeros there
NEIGHBOUR_PIXELS = 2.83  # source pixels farther than this from the nearest one take no part in the sub-pixel mean
SOFTEN = 0.004  # added to distances before they are inverted to weights: one step of the 8-bit codes
PAIRS_AT_ONCE = {"cpu": 2**19, "cuda": 2**24}  # distances in memory at a time: the cache of one core; 0.3 GB
_ELSEWHERE = 1e3  # surface coordinate of padding, far from every point
_NEVER = -1e4  # logit of a candidate that is another point


def valid_part(part: Tensor, grid: int = ATLAS_GRID) -> Tensor:
    """Part numbers of any type, as int64; numbers of no part become 0, the background."""
    part = part.long()
    return torch.where(part <= grid**2, part, 0)


def figure_mask(uv: Tensor, grid: int = ATLAS_GRID) -> Tensor:
    """Where a map (B, 3, H, W) shows the figure: float (B, 1, H, W), 1 on the figure and 0 elsewhere."""
    return (valid_part(uv[:, :1], grid) > 0).float()


def surface_coordinates(points: Tensor) -> Tensor:
    """Points (part, u, v), (..., 3), as coordinates (..., 3) between which the distance is Euclidean."""
    u, v = points[..., 1].float() * (2 * math.pi / 255), points[..., 2].float() / 255
    return torch.stack([u.cos() / (2 * math.pi), u.sin() / (2 * math.pi), v], dim=-1)


@torch.no_grad()
def surface_distance(points: Tensor, candidates: Tensor, grid: int = ATLAS_GRID, metric: Metric = "chord") -> Tensor:
    """Distances of surface points (B, 3, M) to candidates (B, 3, N): (B, M, N), infinity between parts.

    The background is no surface point: it is infinitely far from everything, itself included.

    Args:
        metric: how far u goes around a part: the chord through it, or the arc along it (see the module's text).
    """
    part, candidate_part = (valid_part(x[:, 0], grid) for x in (points, candidates))
    same = (part[:, :, None] == candidate_part[:, None]) & (part > 0)[:, :, None]  # (B, M, N)
    if metric == "arc":
        du, dv = ((points[:, k, :, None].float() - candidates[:, k, None].float()).abs() / 255 for k in (1, 2))
        distance = torch.hypot(torch.minimum(du, 1 - du), dv)  # (B, M, N)
    else:
        distance = _euclidean(*(surface_coordinates(x.transpose(1, 2)) for x in (points, candidates)))
    return torch.where(same, distance, torch.inf)


@torch.no_grad()
def surface_weights(
    points: Tensor,
    candidates: Tensor,
    sigma: float,
    max_distance: float,
    background: bool = False,
    grid: int = ATLAS_GRID,
    metric: Metric = "chord",
) -> Tensor:
    """How far each candidate shows each point: a Gaussian of the surface distance, normalised over the candidates.

    Args:
        points: (B, 3, M).  candidates: (B, 3, N).
        sigma: standard deviation of the Gaussian.
        max_distance: a point whose nearest candidate is farther than this is shown by none.
        background: a point of the background is shown by every candidate of the background alike (else by none).
        metric: see `surface_distance`.
    Returns:
        (B, M, N); rows have the sum 1, or 0 where no candidate shows the point.
    """
    distance = surface_distance(points, candidates, grid, metric)
    if background:
        empty, other = (valid_part(x[:, 0], grid) == 0 for x in (points, candidates))
        distance = distance.masked_fill(empty[:, :, None] & other[:, None], 0.0)
    score = (distance.square() / (-2 * sigma**2)).clamp(min=_NEVER)  # (B, M, N)
    return score.softmax(-1) * (distance.amin(-1, keepdim=True) <= max_distance)


@torch.no_grad()
def locate_surface_points(
    points: Tensor,
    uv: Tensor,
    sigma: float = 0.02,
    max_distance: float = 0.05,
    max_candidates: int | None = None,
    stride: int = 1,
    start: Tensor | float = 0.0,
    align_corners: bool = False,
    grid: int = ATLAS_GRID,
) -> tuple[Tensor, Tensor]:
    """Find surface points in another picture by its IUV map.

    Args:
        points: (B, 3, M) of part, u, v, as maps have them.  uv: the other picture's map (B, 3, H, W).
        sigma, max_distance: see `surface_weights`; the position is the weighted mean of the pixels that show a point.
        max_candidates: look at no more pixels than these, spread over the figure; None: at all.
        stride: look at every so many rows and columns only.
        start: a number that says which pixels are the candidates (a tensor: nothing waits for the device).
        align_corners: as in torch's grid_sample: -1 and 1 are the centres of the outermost pixels, or their edges.
    Returns:
        positions (B, 2, M), x before y, from -1 to 1, and -2 where the point is not visible; visible (B, M), bool.
    """
    height, width = uv.shape[-2:]
    uv = uv[:, :, stride // 2 :: stride, stride // 2 :: stride]
    columns, candidates = uv.shape[-1], uv.flatten(2)  # (B, 3, N)
    index = torch.arange(candidates.shape[2], device=uv.device).expand(len(uv), -1)  # (B, N)
    if max_candidates is not None:
        index = sample_positions(valid_part(candidates[:, 0], grid) > 0, max_candidates, start)
        candidates = gather_positions(candidates, index)
    weight = surface_weights(points, candidates, sigma, max_distance, grid=grid)  # (B, M, N)
    xy = torch.stack([index % columns, index // columns], dim=-1).float() * stride + stride // 2  # (B, N, 2)
    visible = weight.sum(-1) > 0  # (B, M)
    with torch.autocast(uv.device.type, enabled=False):  # bfloat16 would round positions to half a pixel
        positions = pixels_to_grid(weight @ xy, width, height, align_corners)  # (B, M, 2)
    return torch.where(visible[:, None], positions.transpose(1, 2), INVALID), visible


def sample_positions(mask: Tensor, count: int, start: Tensor | float = 0.0) -> Tensor:
    """Choose at most `count` positions of each row of a mask (B, N): spread over its true ones, then over the others.

    Args:
        start: another number chooses others (a tensor: nothing waits for the device).
    Returns:
        (B, min(count, N)), int64.
    """
    n = mask.shape[1]
    spread = (torch.arange(n, device=mask.device) * 0.618034 + start) % 1  # neighbours get different numbers
    return (mask + spread).topk(min(count, n), dim=1).indices


def gather_positions(x: Tensor, index: Tensor) -> Tensor:
    """Columns of (B, C, N) at positions (B, M) -> (B, C, M)."""
    return x.gather(2, index[:, None].expand(-1, x.shape[1], -1))


def pixels_to_grid(xy: Tensor, width: int, height: int, align_corners: bool) -> Tensor:
    """Pixels (column, row), (..., 2), as grid_sample's coordinates from -1 to 1."""
    size = torch.tensor([width, height], dtype=torch.float32, device=xy.device)
    return 2 * xy / (size - 1).clamp(min=1) - 1 if align_corners else (2 * xy + 1) / size - 1


@torch.no_grad()
def correspondence_flow(
    reference_uv: Tensor,
    source_uv: Tensor,
    radius: float = 0.08,
    neighbours: int = 4,
    fill: Literal["none", "nearest"] = "none",
    align_corners: bool = True,
    grid: int = ATLAS_GRID,
) -> Tensor:
    """For each pixel of the reference, where the source shows the same surface point.

    The position is the mean of up to `neighbours` source pixels of the smallest distance d, those with d <= radius and
    within 2.83 pixels of the nearest, weighted by 1 / (d + 0.004).

    Args:
        reference_uv, source_uv: maps (B, 3, H, W) and (B, 3, h, w).
        radius: the largest distance that still counts as the same point; keep it below 0.1, where cells of a part's
            atlas begin to mix.
        neighbours: 1 takes the nearest pixel as it is.
        fill: nearest: where the source does not show the point, the nearest one of the same part (none: invalid).
    Returns:
        (B, H, W, 2), grid_sample's x and y of the source; exactly -2 where invalid.
    """
    height, width = source_uv.shape[-2:]
    asked, there = _Pixels(reference_uv, grid), _Pixels(source_uv, grid)
    flow = reference_uv.new_full((reference_uv[:, 0].numel(), 2), INVALID, dtype=torch.float32)
    for group, first in _chunks(asked, there):
        rows, _ = asked.padded(group, first)  # (G, R)
        columns, real = there.padded(group)  # (G, C)
        here = torch.where(real[..., None], there.coordinates[columns], _ELSEWHERE)  # (G, C, 3)
        distance = _euclidean(asked.coordinates[rows], here)  # (G, R, C)
        distance, order = distance.topk(min(neighbours, distance.shape[-1]), dim=-1, largest=False)  # (G, R, k)
        pixel = there.pixel[columns][:, None].expand(-1, rows.shape[1], -1).gather(2, order)  # (G, R, k)
        pixel = pixel % (height * width)
        xy = torch.stack([pixel % width, pixel // width], dim=-1).float()  # (G, R, k, 2)
        counts = (distance <= radius) & ((xy - xy[:, :, :1]).square().sum(-1) <= NEIGHBOUR_PIXELS**2)
        if fill == "nearest":
            counts[..., 0] = True
        weight = counts / (distance + SOFTEN)
        mean = (weight[..., None] * xy).sum(2) / weight.sum(2, keepdim=True).clamp(min=1e-9)  # (G, R, 2)
        found = pixels_to_grid(mean, width, height, align_corners)
        flow[asked.pixel[rows]] = torch.where(counts[..., :1], found, INVALID)  # padded rows repeat a real one
    return flow.view(len(reference_uv), *reference_uv.shape[-2:], 2)


class _Pixels:
    """The figures' pixels of a batch of maps, sorted by sample and part: a group is one part of one sample.

    Attributes:
        pixel: (P,), places in the flattened (B, H, W).  coordinates: (P, 3).
        count, start: of each group, (B * parts,): how many pixels it has and where they begin.
    """

    def __init__(self, uv: Tensor, grid: int):
        part = valid_part(uv[:, 0], grid)
        group = part - 1 + grid**2 * torch.arange(len(uv), device=uv.device)[:, None, None]
        pixel = part.flatten().nonzero()[:, 0]
        group, order = group.flatten()[pixel].sort(stable=True)
        self.pixel = pixel[order]
        self.coordinates = surface_coordinates(uv.movedim(1, -1).reshape(-1, 3)[self.pixel])
        self.count = torch.bincount(group, minlength=len(uv) * grid**2)
        self.start = self.count.cumsum(0) - self.count

    def padded(self, group: Tensor, first: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Indices of the pixels of groups (G,) and which are real, both (G, most); of a range `first` (G, 2)."""
        count, start = self.count[group], self.start[group]
        begin, end = (torch.zeros_like(count), count) if first is None else first.unbind(1)
        place = begin[:, None] + torch.arange(int((end - begin).max()), device=group.device)  # (G, longest)
        return start[:, None] + torch.minimum(place, end[:, None] - 1), place < end[:, None]


def _chunks(asked: _Pixels, there: _Pixels) -> list[tuple[Tensor, Tensor]]:
    """Groups that both figures have, (G,), with their asked pixels' range (G, 2): a list of pieces that fit in memory.

    Groups of similar size lie together, so that little is padded; a large group comes in several pieces.
    """
    device = asked.pixel.device
    most = PAIRS_AT_ONCE.get(device.type, PAIRS_AT_ONCE["cpu"])
    pieces = []
    for group, (rows, columns) in enumerate(torch.stack([asked.count, there.count], dim=1).tolist()):
        step = max(most // max(columns, 1), 1)
        if columns:
            pieces += [(columns, min(step, rows - at), group, at) for at in range(0, rows, step)]
    chunks: list[list[tuple[int, int, int, int]]] = []
    longest = 0
    for piece in sorted(pieces):
        longest = max(longest, piece[1])
        if not chunks or (len(chunks[-1]) + 1) * longest * piece[0] > most:
            chunks.append([])
            longest = piece[1]
        chunks[-1].append(piece)
    tables = (torch.tensor([(group, at, at + rows) for _, rows, group, at in chunk]) for chunk in chunks)
    return [(table[:, 0], table[:, 1:]) for table in (table.to(device) for table in tables)]


def _euclidean(one: Tensor, other: Tensor) -> Tensor:
    """Distances of (B, M, 3) to (B, N, 3), (B, M, N), without the cancellation of the expanded square."""
    if one.is_cuda:  # where cdist starts a block of threads for every pair
        return torch.linalg.vector_norm(one[:, :, None] - other[:, None], dim=-1)
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")


def resize_flow(
    flow: Tensor, side: int, mode: Literal["bilinear", "masked"] = "bilinear", align_corners: bool = True
) -> Tensor:
    """A flow (B, H, W, 2) for features of another side: (B, side, side, 2).

    Args:
        mode: bilinear: as Liquid Warping GAN has it, the -2 of invalid pixels is mixed in along the silhouette, which
            gives wrong places inside of the source; masked: the mean of the valid ones alone, invalid where these have
            less than half of the weight.
    """
    if flow.shape[1:3] == (side, side):
        return flow
    planes = flow.permute(0, 3, 1, 2)
    if mode == "bilinear":
        return F.interpolate(planes, (side, side), mode="bilinear", align_corners=align_corners).permute(0, 2, 3, 1)
    valid = (planes != INVALID).any(1, keepdim=True)  # (B, 1, H, W)
    planes = torch.cat([planes * valid, valid.to(planes.dtype)], dim=1)
    planes = F.interpolate(planes, (side, side), mode="bilinear", align_corners=align_corners)
    mean = planes[:, :2] / planes[:, 2:].clamp(min=1e-6)
    return torch.where(planes[:, 2:] >= 0.5, mean, INVALID).permute(0, 2, 3, 1)
