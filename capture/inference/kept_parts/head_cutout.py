"""The head in an identity's picture, by the parts that the segmenter finds: see capture.inference.kept_parts.head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from capture.inference.kept_parts.head_direction import HEAD, skin
from capture.inference.silhouette import extended
from capture.io.iuv import ARM, LEG, PART

UPPER_BODY = ("neck", "chest", "belly")  # it moves with the head in pixel art, whose figures have little room to bend
FEWEST = 40  # pixels of a head at a side of 128
STRAY = 0.15  # share of the largest patch of a head, below which another patch is a mistake of the segmenter
HUNG = 0.25  # of a head's pixels
LIMBS = tuple(f"{side}_{name}" for side in "lr" for name in (*ARM[:2], *LEG[:2]))
A_LIMB = 0.15  # share of a patch's pixels that are these
MARGIN = 3  # network pixels
CHIN = 0.15  # of a head's height
LEAST_SKIN = 0.55  # overlap of the skin of two heads
LITTLE_SKIN = 0.12  # share of a head's pixels: two heads with less are both seen from behind, or both masked
SMOOTH_SKIN = 2.0  # network pixels


@dataclass(frozen=True, eq=False)
class Head:
    """The head in one picture; h is the side of the segmenter's maps, S of the network's picture.

    Attributes:
        mask: float (1, 1, S, S), which pixels are the head's.
        around: the same with a margin outside of the figure, whose edge may be finer than the network's pixels.
        skin: float (1, 1, S, S), how likely each of its pixels is skin, eyes or mouth, and not hair or hat.
        centre: x and y of its middle, from -1 to 1.
        maps: (1, parts, h, h), of its parts.
        pixels, body: of the S * S, how many are the head's, and the rest of the figure's.
        height: of its middle above the lowest point of the figure; the picture is 2 high.
        lean: see `lean`.
        joined: whether `maps` tell no head, face, ears, hair and hat apart: see `join`.
    """

    mask: Tensor
    around: Tensor
    skin: Tensor
    centre: tuple[float, float]
    maps: Tensor
    pixels: float
    body: float
    height: float
    lean: float
    joined: bool = False

    def size_of_result(self, head: Tensor, figure: Tensor) -> tuple[float, float]:
        """By how much a result's head, and the rest of its figure, are larger than these: logarithms of a scale.

        Args:
            head, figure: masks (S, S).
        """
        there = float(head.sum()), float((figure & ~head).sum())
        larger, body = (0.5 * math.log(max(x, 1) / max(y, 1)) for x, y in zip(there, (self.pixels, self.body)))
        return larger, body

    def moved(self, tries: Sequence[tuple[float, float]], scale: float = 1.0, resize: float = 1.0) -> MovedHead:
        """This head at N scales and turns (radians); all scales are multiplied by `scale`. `resize`: see MovedHead."""
        side = self.maps.shape[-1]
        moved = torch.stack(
            [sample(self.maps, about(self.centre, (0.0, 0.0), scale * one, turn), side) for one, turn in tries]
        )  # (N, parts, h, h)
        bottoms = torch.tensor([bottom_row(one) for one in moved])
        return MovedHead(transform(moved), moved.square().sum((1, 2, 3)), bottoms, scale, resize)


@dataclass(frozen=True, eq=False)
class MovedHead:
    """A head at N scales and turns, each with its middle in the middle of the picture.

    Attributes:
        maps: complex (N, parts, 2h, h + 1): the Fourier transforms of the maps of its parts.
        norms: (N,), their sums of squares.  bottoms: (N,): the row of the chin.
        scale: that all scales were multiplied by.
        resize: the factor by which the head is enlarged about its chin, once the place of best overlap is found.
    """

    maps: Tensor
    norms: Tensor
    bottoms: Tensor
    scale: float
    resize: float


def find_head(share: Tensor, alpha: Tensor, parts: Sequence[int], side: int, joined: bool = False) -> Head | None:
    """The head in a picture; None where it is too small to tell, or the figure was not cut out.

    Args:
        share: (parts + 1, S, S), of the segmenter.  alpha: (1, R, R), how much of each pixel the figure covers.
        parts: the numbers in PARTS of what counts as head.  side: h.
        joined: see Head.joined.
    """
    size = share.shape[-1]
    figure = F.adaptive_avg_pool2d(alpha[None], size)[0, 0].numpy() > 0.5
    if figure.all():  # nobody can tell the figure from what is behind it
        return None
    everywhere = part_labels(share.argmax(0).numpy(), figure)
    of_head = np.isin(everywhere, np.asarray(parts) + 1)
    head_alone = np.isin(everywhere, [PART[name] + 1 for name in HEAD]) & figure  # without the upper body
    of_head |= _hung_on(_without_strays(head_alone), figure, everywhere)
    mask = _without_strays(of_head & figure)
    if mask.sum() < fewest_pixels(size):
        return None
    rows, columns = np.nonzero(mask)
    centre = float(2 * columns.mean() + 1) / size - 1, float(2 * rows.mean() + 1) / size - 1
    own = torch.from_numpy(np.stack([(everywhere == part + 1) & mask for part in parts])).float()
    maps = F.adaptive_avg_pool2d(0.5 * own + 0.5 * share[1:][list(parts)], side)[None]
    maps = join(maps) if joined else maps
    around = ndimage.binary_dilation(mask, iterations=MARGIN) & of_head & (mask | ~figure)
    inside, near = (torch.from_numpy(x)[None, None].float() for x in (mask, around))
    height = lowest(figure) - centre[1]
    pixels = int(mask.sum())
    body = int((figure & ~mask).sum())
    leaning = lean(everywhere * figure)
    return Head(inside, near, inside * skin(share), centre, maps, pixels, body, height, leaning, joined)


def fewest_pixels(size: int) -> float:
    """Of a head, at a side of `size`."""
    return FEWEST * (size / 128) ** 2


def shows_same_side(one: Tensor, mask: Tensor, shares: Tensor) -> bool:
    """Whether a layout shows the head from the side that a drawing shows: both have skin at the same places.

    Args:
        one: (S, S), the skin of the drawing's head, and `mask` its pixels, where it was put.
        shares: (parts + 1, S, S), of the layout.
    """
    other, area = skin(shares), shares[[PART[name] + 1 for name in HEAD]]
    if max(float(one.sum() / mask.sum()), float(other.sum() / area.sum())) < LITTLE_SKIN:
        return True
    one, other = (torch.from_numpy(ndimage.gaussian_filter(x.numpy(), SMOOTH_SKIN)) for x in (one, other))
    return float(2 * (one * other).sum() / (one.square().sum() + other.square().sum())) > LEAST_SKIN


def about(source: tuple[float, float], target: tuple[float, float], scale: float, turn: float) -> Tensor:
    """The affine map (2, 3) from a result, in which something is enlarged by `scale` and turned by `turn` radians and
    has its middle at `target`, to the picture in which its middle is at `source`."""
    c, s = math.cos(turn) / scale, math.sin(turn) / scale
    (x, y), (u, v) = source, target
    return torch.tensor([[c, s, x - c * u - s * v], [-s, c, y + s * u - c * v]], dtype=torch.float32)


def resized(placed: Tensor, mask: Tensor, factor: float) -> Tensor:
    """An affine map (2, 3) from a result to a picture of a head, with the head `factor` times as large about its chin.

    Args:
        mask: (S, S), the pixels of the result that show the head.
    """
    rows, columns = torch.nonzero(mask, as_tuple=True)
    height = int(rows.max() - rows.min()) + 1
    lower = columns[rows > rows.max() - max(2, CHIN * height)]
    chin = 2 * torch.tensor([float(lower.float().mean()) + 0.5, float(rows.max()) + 1]) / len(mask) - 1
    turned = placed[:, :2]
    return torch.cat([turned / factor, (turned @ (chin - chin / factor) + placed[:, 2])[:, None]], 1)


def change(placed: Tensor, scale: float) -> float:
    """How much such a map turns (radians), and scales otherwise than by `scale` (logarithm), both together."""
    (a, b), _ = placed[:, :2].tolist()
    return abs(math.log(scale * math.hypot(a, b))) + abs(math.atan2(b, a))


def sample(maps: Tensor, matrix: Tensor, side: int, mode: str = "bilinear") -> Tensor:
    """Maps (1, C, H, W) moved by an affine map (2, 3) from the result's coordinates: (C, side, side)."""
    grid = F.affine_grid(matrix[None], [1, 1, side, side], align_corners=False)
    moved: Tensor = F.grid_sample(maps, grid, mode, align_corners=False)[0]
    return moved


def bottom_row(maps: Tensor) -> float:
    """The lowest row of maps of parts (parts, h, h) that shows half as much of them as rows do on average."""
    rows = maps.sum((0, 2))
    shown = torch.nonzero(rows > 0.5 * rows[rows > 0.5].mean())[:, 0]
    return float(shown[-1]) if len(shown) else float(len(rows))


def lean(labels: np.ndarray) -> float:
    """How far the head of a figure is from being straight above the upper body, in radians; 0 where one is too small to
    tell.

    Args:
        labels: int (S, S), 0 for the background, then parts.
    """
    head, body = (np.argwhere(np.isin(labels, [PART[name] + 1 for name in names])) for names in (HEAD, UPPER_BODY))
    if min(len(head), len(body)) < fewest_pixels(len(labels)):
        return 0.0
    down, right = body.mean(0) - head.mean(0)
    return math.atan2(right, down)


def join(maps: Tensor) -> Tensor:
    """Maps of parts (..., parts, h, h), of which the first are those of HEAD, with one map for all of these."""
    return torch.cat([maps[..., : len(HEAD), :, :].sum(-3, keepdim=True), maps[..., len(HEAD) :, :, :]], -3)


def lowest(figure: np.ndarray) -> float:
    """The lower edge of a mask (S, S), from -1 at the top of the picture to 1; -1 where nothing is."""
    rows = np.flatnonzero(figure.any(1))
    return 2 * (float(rows[-1]) + 1) / len(figure) - 1 if len(rows) else -1.0


def transform(maps: Tensor) -> Tensor:
    """The Fourier transforms of maps (..., h, h), padded to twice their size: (..., 2h, h + 1)."""
    side = maps.shape[-1]
    transformed: Tensor = torch.fft.rfft2(F.pad(maps, (0, side, 0, side)))
    return transformed


def part_labels(likeliest: np.ndarray, figure: np.ndarray) -> np.ndarray:
    """The part of every pixel, int (S, S): where the segmenter finds background, and outside of the figure, that of the
    nearest pixel; 0 where no part is found at all."""
    known = figure & (likeliest > 0)
    labels: np.ndarray = extended((likeliest * known)[None], known)[0]
    return labels


def _hung_on(mask: np.ndarray, figure: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The patches of the figure that touch a head's mask and nothing else, and are far smaller: a knot of hair, or
    antlers, that the segmenter takes for another part. Arms and legs are none."""
    patches, count = ndimage.label(figure & ~mask)
    if count < 2:
        return np.zeros_like(mask)
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum(patches > 0, patches, numbers)
    touching = np.unique(patches[ndimage.binary_dilation(mask)])
    body = int(numbers[sizes.argmax()])
    limbs = ndimage.mean(np.isin(labels, [PART[name] + 1 for name in LIMBS]), patches, numbers)
    hung = [
        k for k in numbers if k in touching and k != body and sizes[k - 1] < HUNG * mask.sum() and limbs[k - 1] < A_LIMB
    ]
    return np.isin(patches, hung)


def _without_strays(mask: np.ndarray) -> np.ndarray:
    """A mask without patches that are far smaller than the largest and not beside another."""
    patches, count = ndimage.label(ndimage.binary_dilation(mask))
    if count < 2:
        return mask
    sizes = ndimage.sum(mask, patches, range(1, count + 1))
    return np.asarray(mask & np.isin(patches, 1 + np.flatnonzero(sizes >= STRAY * sizes.max())))
