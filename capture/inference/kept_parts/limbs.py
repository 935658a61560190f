"""Arms and legs of pixel art as they are drawn, moved as pieces by whole squares.

A network that does not know a style of pixel art draws limbs in the driver's colours. Where the drawing and the driver
look in nearly the same direction, the drawing's own limb is put where the layout has that limb: if the two overlap well
for how many of the network's pixels have a colour that the limb has in the drawing.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from capture.inference.drawing import Drawing
from capture.inference.kept_parts.head_cutout import part_labels, sample
from capture.io.iuv import ARM, LEG, PART, PARTS

LIMBS = tuple([PART[f"{side}_{name}"] + 1 for name in limb] for side in "lr" for limb in (ARM, LEG))
REACH = 4  # squares by which a limb may be moved, beside what its body is moved by
MOVE_COST = 0.01  # of overlap, for each of them
LEAST = 0.2  # overlap (intersection over union)
WORSE, WORSE_AGAIN = 0.25, 0.33  # by how much overlap may be less than the share of colours that the network got right;
# the second where the frame before kept the limb
SMALL = 20  # squares; limbs of lower figures have too few of them
ENOUGH = 2  # limbs, from which on what is neither limb nor upper body is kept as well: skirts and capes
SAME_COLOUR, RARE, LEVELS = 45, 0.06, 24  # levels; share of a limb's pixels; levels that count as one colour


class LimbKeeper:
    """Puts one drawing's own limbs into results, one after another.

    Args:
        drawing: of pixel art.  shares: (parts + 1, S, S), of the segmenter.
        cell: side of the squares, in the network's pixels.
    """

    def __init__(self, drawing: Drawing, shares: Tensor, cell: float):
        self.drawing, self.shares, self.cell = drawing, shares, cell
        self._labels: dict[bool, np.ndarray] = {}
        self._kept: set[int] = set()

    def forget(self) -> None:
        """Forget which limbs the result before had."""
        self._kept = set()

    def paste(
        self, figure: np.ndarray, network: np.ndarray, layout: np.ndarray, placed: Tensor, source: Tensor
    ) -> np.ndarray:
        """A figure with the drawing's own limbs, uint8 (R, R, 4) with straight alpha.

        Args:
            figure: with the drawing's own head and upper body.  network: without.
            layout: of the result, int (S, S): 0 for the background, then parts.
            placed, source: where the head was put: see PlacedHead.
        """
        side, size = figure.shape[0], len(layout)
        step = max(1, round(self.cell * side / size))
        own = _moved(self._own(float(torch.linalg.det(source[:, :2])) < 0), placed, side)
        theirs = F.interpolate(torch.from_numpy(layout).float()[None, None], (side, side))[0, 0].numpy().astype(int)
        theirs = theirs * (network[..., 3] > 127)
        drawn = _straight(sample(self.drawing.pixels[None], source, side, "nearest").clamp(0, 1))
        own = own * (drawn[..., 3] > 127)
        if np.any(own, axis=1).sum() < SMALL * step:
            return figure
        pieces, left = {}, np.zeros((side, side), bool)
        for number, parts in enumerate(LIMBS):
            piece, place = np.isin(own, parts), np.isin(theirs, parts)
            moved = None
            if piece.sum() >= step * step and place.sum() >= step * step:
                moved = self._move(number, piece, place, drawn, network, step)
            if moved is None:
                left |= place
            else:
                pieces[number] = moved, place
        self._kept = set(pieces)
        if not pieces:
            return figure
        made: np.ndarray = figure.copy()
        rest = (own > 0) & ~np.isin(own, np.concatenate(LIMBS))
        if len(pieces) >= ENOUGH:
            made[rest] = drawn[rest]
        for number, ((rows, columns), place) in pieces.items():
            piece, pixels = (np.roll(x, (rows, columns), (0, 1)) for x in (np.isin(own, LIMBS[number]), drawn))
            front = piece & (place | ~rest)
            made[front] = pixels[front]
        made[left] = network[left]
        return made

    def _own(self, mirrored: bool) -> np.ndarray:
        """The part of every pixel of the drawing, or of its mirror image, int (S, S); 0 outside of the figure."""
        if mirrored not in self._labels:
            size = self.shares.shape[-1]
            covered: np.ndarray = F.adaptive_avg_pool2d(self.drawing.pixels[3:][None], size)[0, 0].numpy() > 0.5
            labels = part_labels(self.shares.argmax(0).numpy(), covered) * covered
            self._labels[mirrored] = np.asarray(OTHER_SIDE[labels[:, ::-1]] if mirrored else labels)
        return self._labels[mirrored]

    def _move(
        self, number: int, piece: np.ndarray, place: np.ndarray, drawn: np.ndarray, network: np.ndarray, step: int
    ) -> tuple[int, int] | None:
        """By how many rows and columns a limb is moved; None where the network's is better.

        Args:
            piece, place: masks (R, R) of the limb in the drawing and in the layout.  step: side of a square.
        """
        one, other = (mask[step // 2 :: step, step // 2 :: step] for mask in (piece, place))
        best = -1.0, 0, 0
        for row in range(-REACH, REACH + 1):
            for column in range(-REACH, REACH + 1):
                there = np.roll(one, (row, column), (0, 1))
                overlap = (there & other).sum() / max((there | other).sum(), 1)
                best = max(best, (overlap - MOVE_COST * (abs(row) + abs(column)), row, column))
        worse = WORSE_AGAIN if number in self._kept else WORSE
        if best[0] < LEAST or best[0] < right_colours(network[place], drawn[piece]) - worse:
            return None
        return best[1] * step, best[2] * step


def right_colours(made: np.ndarray, drawn: np.ndarray) -> float:
    """The share of pixels, uint8 (N, 4), whose colour is near a frequent one of other pixels (M, 4)."""
    colours, counts = np.unique(drawn[:, :3] // LEVELS, axis=0, return_counts=True)
    frequent = LEVELS * colours[counts >= RARE * counts.sum()].astype(int) + LEVELS // 2
    if not len(frequent):
        return 1.0
    away = np.abs(made[:, None, :3].astype(int) - frequent).max(-1).min(1)
    return float((away < SAME_COLOUR).mean())


def _moved(labels: np.ndarray, placed: Tensor, side: int) -> np.ndarray:
    """Labels (S, S) moved by an affine map (2, 3) from the result's coordinates, int (side, side)."""
    maps = torch.from_numpy(labels.copy()).float()[None, None]
    moved: np.ndarray = sample(maps, placed, side, "nearest")[0].numpy()
    return moved.astype(int)


def _straight(pixels: Tensor) -> np.ndarray:
    """Pixels (4, R, R) with premultiplied alpha as uint8 (R, R, 4) with straight alpha."""
    colours = pixels[:3] / pixels[3:].clamp(min=1e-3)
    made: np.ndarray = (255 * torch.cat([colours, pixels[3:]]) + 0.5).clamp(0, 255).permute(1, 2, 0).numpy()
    return made.astype(np.uint8)


def _other_side() -> np.ndarray:
    """The label of every label's part in the mirror image: the left arm's is the right one's."""
    names = [{"l": "r", "r": "l"}[name[0]] + name[1:] if name[:2] in ("l_", "r_") else name for name in PARTS]
    return np.array([0, *(PART[name] + 1 for name in names)])


OTHER_SIDE = _other_side()
