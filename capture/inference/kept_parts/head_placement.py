"""Where the head of a drawing goes in a result: where the parts of both heads overlap best."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from capture.inference.kept_parts.head_cutout import Head, MovedHead, about, bottom_row, join, lowest, transform
from capture.inference.kept_parts.head_direction import Sides

SCALES = tuple(math.exp(step / 10) for step in (-2, -1, 0, 1, 2))
TURNS = tuple(math.radians(degrees) for degrees in (-20, -10, 0, 10, 20))
SCALE_COST, TURN_COST = 0.3, 0.15  # of overlap, for a logarithm of the scale of 1, and for a radian
CHIN_COST = 0.8  # of overlap, for chins that are a picture's height apart: a driver's hat is not to raise the head
HIGHER_COST, LOWER_COST = 8.0, 5.0  # of overlap, for pixel art a picture's height above or below its own height
SAME_HEIGHT = 0.015  # of the picture's height, by which a head may be higher or lower at no cost
CROUCHING = 0.06  # the same, above which a lower head costs no more
SLIGHT = 0.04  # of a scale's logarithm, and of an angle in radians
OTHER_SIZE = 0.25  # of a scale's logarithm, by which two heads differ so much that other scales are tried
AGREEING, AGREEING_AGAIN = 0.3, 0.45  # the same, between heads and bodies; the second while other scales are tried


class HeadPlacer:
    """Places the heads of one character's pictures, from result to result.

    Args:
        parts: the numbers in PARTS of what counts as head.  size: S.
        cell: side of the squares of pixel art, in the network's pixels; None for other drawings.
    """

    def __init__(self, parts: Sequence[int], size: int, cell: float | None):
        self.parts, self.size, self.cell = list(parts), size, cell
        self.tries = [(scale, turn) for scale in SCALES for turn in TURNS] if cell is None else [(1.0, 0.0)]
        self._own_size: dict[tuple[int, Sides], MovedHead] = {}
        self._moved: dict[tuple[int, Sides], MovedHead] = {}

    def forget(self) -> None:
        """Forget at which size the result before had each head."""
        self._moved = dict(self._own_size)

    def move(self, which: tuple[int, Sides], head: Head, theirs: Tensor, figure: Tensor) -> MovedHead:
        """A head at all scales and turns that are tried.

        They are about the drawing's own size, or, where the result's head has quite another size and its body agrees,
        about that. A body that disagrees is foreshortened: it lies, or bends down. What is chosen stays while it is
        near, so that a head does not change its size from frame to frame.
        """
        before = self._moved.get(which)
        if before is None:
            before = self._own_size[which] = self._moved[which] = head.moved(self.tries)
        if self.cell is not None:
            return before
        larger, body = head.size_of_result(theirs, figure)
        agreeing = AGREEING if before.scale == 1 else AGREEING_AGAIN
        wanted = larger if abs(larger - body) < agreeing else 0.0
        if abs(wanted - math.log(before.scale)) > OTHER_SIZE:
            final = sorted((0.0, body, wanted))[1]  # a driver's hat makes the layout's head too large
            self._moved[which] = head.moved(self.tries, math.exp(wanted), math.exp(final - wanted))
        return self._moved[which]

    def place(self, head: Head, moved: MovedHead, shares: Tensor) -> Tensor:
        """The affine map (2, 3) from the output to the picture that the head is in, under which the parts of both
        overlap best (Dice's coefficient of soft maps)."""
        h = head.maps.shape[-1]
        target = F.adaptive_avg_pool2d(shares[1:][self.parts], h)  # (parts, h, h)
        target = join(target) if head.joined else target
        common = torch.fft.irfft2((transform(target) * moved.maps.conj()).sum(1), s=(2 * h, 2 * h))  # (N, 2h, 2h)
        overlap = 2 * common / (moved.norms + target.square().sum())[:, None, None]
        cost = torch.tensor([SCALE_COST * abs(math.log(scale)) + TURN_COST * abs(turn) for scale, turn in self.tries])
        rows = (torch.arange(2 * h) + h) % (2 * h) - h  # by which heads are moved
        away = (rows - bottom_row(target) + moved.bottoms[:, None]).abs() / h
        overlap = overlap - CHIN_COST * away[:, :, None]
        if self.cell is not None:
            as_drawn = h * (lowest((shares[0] < 0.5).numpy()) - head.height) / 2  # the row of a head as high as drawn
            overlap = overlap - height_cost((rows - as_drawn) / h)[:, None]
        scores = overlap.flatten(1).amax(1) - cost
        n = int(scores.argmax())
        row, column = divmod(int(overlap[n].argmax()), 2 * h)
        x, y = column + _peak(overlap[n, row], column), row + _peak(overlap[n, :, column], row)
        there = [2 * ((value + h) % (2 * h) - h) / h for value in (x, y)]
        if self.cell is not None:
            step = 2 * self.cell / self.size
            there = [c + round((v - c) / step) * step for v, c in zip(there, head.centre)]
        return about(head.centre, (there[0], there[1]), *self._between(n, scores, moved.scale))

    def _between(self, n: int, scores: Tensor, about_scale: float) -> tuple[float, float]:
        """Scale and turn at the maximum of the scores of all tries, of which n is the best: between the tries, so that
        a head does not jump from one to the next in a video."""
        scale, turn = self.tries[n]
        if len(self.tries) == 1:
            return scale, turn
        grid = scores.view(len(SCALES), len(TURNS))
        row, column = divmod(n, len(TURNS))
        larger = math.log(scale)
        if 0 < row < len(SCALES) - 1:
            larger += _peak(grid[:, column], row) * math.log(SCALES[1] / SCALES[0])
        if 0 < column < len(TURNS) - 1:
            turn += _peak(grid[row], column) * (TURNS[1] - TURNS[0])
        return about_scale * math.exp(_shrunk(larger)), _shrunk(turn)


def height_cost(lower: Tensor) -> Tensor:
    """What it costs, in overlap, to put a head of pixel art lower, or higher (negative), than it is drawn above the
    floor, in heights of the picture.

    Sprites bend little, and the driver's hat or height says nothing about the character's. A crouch is followed.
    """
    higher, lower = ((x - SAME_HEIGHT).clamp(min=0) for x in (-lower, lower))
    return HIGHER_COST * higher + LOWER_COST * lower.clamp(max=CROUCHING)


def _shrunk(value: float) -> float:
    """A logarithm of a scale, or an angle, nearer to 0, and 0 where it was slight: most heads keep their size."""
    return math.copysign(max(abs(value) - SLIGHT, 0.0), value)


def _peak(values: Tensor, at: int) -> float:
    """How far from `at` the maximum is of the parabola through three values of a circular row."""
    low, middle, high = (float(values[(at + step) % len(values)]) for step in (-1, 0, 1))
    bend = low - 2 * middle + high
    return 0.5 * (low - high) / bend if bend < -1e-9 else 0.0
