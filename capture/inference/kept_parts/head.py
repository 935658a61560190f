"""The drawing's own head in a result, moved as one piece.

A head hardly bends, and people look at it first, but a network draws it anew, in the shape of the driver's hat or hair.
Here the head of the identity's picture is put where the layout of the output has its head: moved, and turned and scaled
a little, so that the two maps of parts overlap best. Where they overlap badly, or where the output shows the head from
another side, it stays as the network drew it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from capture.inference.drawing import Drawing
from capture.inference.kept_parts.head_cutout import (
    UPPER_BODY,
    Head,
    MovedHead,
    change,
    fewest_pixels,
    find_head,
    lean,
    resized,
    sample,
    shows_same_side,
)
from capture.inference.kept_parts.head_direction import HEAD, Sides, compare, head_directions, nearly_alike, part_shares
from capture.inference.kept_parts.head_from_behind import without_face
from capture.inference.kept_parts.head_placement import HeadPlacer
from capture.inference.kept_parts.limbs import LimbKeeper
from capture.io.iuv import ARM, PART
from capture.methods.layers import Layers

ARMS = tuple(f"{side}_{name}" for side in "lr" for name in ARM)
LEAST, LEAST_AGAIN = 0.5, 0.43  # overlap of the two heads; the second where the frame before kept its head
LEAST_OF_PIXELS = 0.3, 0.23  # the same in pixel art: heights already say where the head is, whatever hat the driver has
BETTER = 0.05  # of overlap, by which another picture than the first must be better
BENT = math.radians(65)  # pixel art is not turned, so a driver that bends down or lies has the network's upper body
SURE = 8.0  # of a logit
MIRROR = torch.tensor([[-1.0], [1.0]])  # of x and y
RING = 2  # network pixels around the network's head in which nothing is left of the line around it


@dataclass(frozen=True, eq=False)
class PlacedHead:
    """Where a result has the drawing's own head.

    Attributes:
        drawing: that it is from.  source: the affine map (2, 3) from the result to that drawing.
        placed: the same to the maps of the head, which is mirrored where `source` is a reflection.
        around: Head.around.  masks: float (1, 3, S, S): which pixels show an arm before the head, which the head, and
            which nothing any more, where the network had its own.
        sampling: of the drawing, bicubic or nearest.
        number: of the drawing.  alike: whether the result shows the figure from nearly the same side.
        layout: of the result without the head, int (S, S): 0 for the background, then parts.
    """

    drawing: Drawing
    source: Tensor
    placed: Tensor
    around: Tensor
    masks: Tensor
    sampling: str
    number: int
    alike: bool
    layout: np.ndarray

    def paste(self, figure: np.ndarray) -> np.ndarray:
        """A figure drawn of the layers that the head was put in, uint8 (R, R, 4) with straight alpha, with the head as
        it is drawn and not as the network's silhouette smooths it."""
        side = figure.shape[0]
        drawn = sample(self.drawing.pixels[None], self.source, side, self.sampling).clamp(0, 1)  # (4, R, R)
        within = sample(self.around, self.placed, side)[0] > 0.5
        before, own, bare = F.interpolate(self.masks, (side, side), mode="bilinear")[0] > 0.5
        alpha = torch.where(within & ~before, drawn[3], torch.zeros_like(drawn[3]))
        colours = (255 * drawn[:3] / drawn[3:].clamp(min=1e-3)).clamp(0, 255)
        pasted = torch.cat([colours, 255 * alpha[None]]).permute(1, 2, 0).numpy()
        there = ((alpha > 0) | (((own & within) | bare) & ~before)).numpy()
        result: np.ndarray = figure.copy()
        result[there] = (pasted[there] + 0.5).astype(np.uint8)
        result[result[..., 3] == 0] = 0
        return result


class Candidate(NamedTuple):
    """A head that may be put into a result: picture `number` as it is seen from `sides`.

    `placed` is the affine map (2, 3) of best overlap, before `moved.resize`; `mask` (S, S) is what it covers.
    """

    overlap: float
    number: int
    sides: Sides
    head: Head
    moved: MovedHead
    placed: Tensor
    mask: Tensor


class HeadKeeper:
    """Puts one character's own head into results, one after another.

    Args:
        logits: (N, parts + 1, h, h), of the segmenter for N pictures of the identity.
        drawings: the N pictures as they are drawn, whose alpha says where the figure is.
        shown: uint8 (N, 3, S, S), as the network takes them.
        cell: side of the squares of pixel art, in the network's pixels; None for other drawings. Pixel art is moved by
            whole squares, and neither turned nor scaled, and the upper body moves with the head.
    """

    def __init__(self, logits: Tensor, drawings: Sequence[Drawing], shown: Tensor, cell: float | None = None):
        self.parts = [PART[name] for name in (HEAD if cell is None else HEAD + UPPER_BODY)]
        self.size, self.cell, self.drawings = shown.shape[-1], cell, drawings
        self._placer = HeadPlacer(self.parts, self.size, cell)
        self._directions = head_directions(shown, logits)
        self._shares, self._side = part_shares(logits, self.size), logits.shape[-1]
        self._found: dict[tuple[int, Sides], Head | None] = {}
        self._behind: dict[int, Drawing] = {}
        self._limbs: dict[int, LimbKeeper] = {}
        self._kept = False

    def __call__(self, layers: Layers, ground: np.ndarray, driver: Tensor | None) -> tuple[Layers, PlacedHead | None]:
        """The layers of one output, (1, ...) on the CPU, with the drawing's own head where it fits, and where it is.

        Args:
            ground: the colour, float (3,) in [0, 255], that the network draws on.
            driver: the direction (2,) of the driver's head: see HeadDirection.
        """
        shares = layers.logits[0].softmax(0)
        figure = shares[0] < 0.5
        theirs = figure & torch.isin(shares[1:].argmax(0), torch.tensor(self.parts))  # (S, S)
        leaning = 0.0 if self.cell is None else lean(shares.argmax(0).numpy())  # other drawings are turned
        best: Candidate | None = None
        for n, direction in enumerate(self._directions):
            sides = compare(direction, driver)
            if sides is Sides.AWAY or int(theirs.sum()) < fewest_pixels(self.size):
                continue
            head = self._head(n, sides)
            if head is None or (self.cell is not None and _between_angles(head.lean, leaning) > BENT):
                continue
            moved = self._placer.move((n, sides), head, theirs, figure)
            placed = self._placer.place(head, moved, shares)
            mask = sample(head.mask, placed, self.size)[0]
            own = mask > 0.5
            overlap = float((own & theirs).sum() / (own | theirs).sum()) - change(placed, moved.scale)
            if sides is Sides.UNKNOWN and not shows_same_side(sample(head.skin, placed, self.size)[0], mask, shares):
                continue
            if best is None or overlap > best.overlap + BETTER:
                best = Candidate(overlap, n, sides, head, moved, placed, mask)
        least, again = (LEAST, LEAST_AGAIN) if self.cell is None else LEAST_OF_PIXELS
        self._kept = best is not None and best.overlap > (again if self._kept else least)
        if best is None or not self._kept:
            return layers, None
        alike = nearly_alike(self._directions[best.number], driver, best.sides)
        return self._put(layers, ground, theirs, best, alike)

    def forget(self) -> None:
        """Forget the result before: the next one is of another sequence of frames, or a picture by itself."""
        self._kept = False
        self._placer.forget()
        for limbs in self._limbs.values():
            limbs.forget()

    def paste(self, figure: np.ndarray, head: PlacedHead) -> np.ndarray:
        """A figure drawn of the layers that the head was put in, uint8 (R, R, 4), with the head as it is drawn, and
        with the limbs of pixel art as they are drawn, where they fit."""
        made = head.paste(figure)
        if self.cell is None or not head.alike:
            return made
        if head.number not in self._limbs:
            self._limbs[head.number] = LimbKeeper(head.drawing, self._shares[head.number], self.cell)
        return self._limbs[head.number].paste(made, figure, head.layout, head.placed, head.source)

    def _head(self, n: int, sides: Sides) -> Head | None:
        """The head in picture n, or in its mirror image: looked for when it is first needed."""
        if (n, sides) not in self._found:
            share, alpha = self._shares[n], self.drawings[n].pixels[3:]
            if sides.mirrored:
                share, alpha = share.flip(-1), alpha.flip(-1)
            self._found[n, sides] = find_head(share, alpha, self.parts, self._side, joined=sides.behind)
        return self._found[n, sides]

    def _drawing(self, n: int, behind: bool) -> Drawing:
        """Picture n, or what its head looks like from behind: made when it is first needed."""
        if not behind:
            return self.drawings[n]
        if n not in self._behind:
            self._behind[n] = without_face(self.drawings[n], self._shares[n], self.cell)
        return self._behind[n]

    def _put(
        self, layers: Layers, ground: np.ndarray, theirs: Tensor, found: Candidate, alike: bool
    ) -> tuple[Layers, PlacedHead]:
        """The layers with a head, under the arms that are before it.

        Args:
            theirs: (S, S), the mask of the network's head.  alike: see PlacedHead.
        """
        n, placed, mask = found.number, found.placed, found.mask
        if found.moved.resize != 1:
            placed = resized(placed, mask > 0.5, found.moved.resize)
            mask = sample(found.head.mask, placed, self.size)[0]
        source = placed * MIRROR if found.sides.mirrored else placed
        drawing = self._drawing(n, found.sides.behind)
        logits, numbers = layers.logits[0].clone(), torch.tensor(self.parts) + 1
        shown = logits.argmax(0)  # (S, S), 0: background
        before = torch.isin(shown, torch.tensor([PART[name] + 1 for name in ARMS]))
        alpha = torch.where(before, torch.zeros_like(mask), mask)
        own = alpha >= 0.5
        logits[numbers] = -torch.inf
        near = torch.from_numpy(ndimage.binary_dilation(theirs.numpy(), iterations=RING)) & (shown == 0)
        bare = (theirs | near) & (mask < 0.5) & (logits.argmax(0) == 0)
        logits[numbers] = -SURE
        logits[:, bare | own] = -SURE
        logits[0, bare], logits[numbers[0], own] = SURE, SURE
        behind = torch.from_numpy(np.asarray(ground, np.float32) / 127.5 - 1)[:, None, None]
        image = alpha * self._drawn(drawing, source) + (1 - alpha) * torch.where(bare, behind, layers.image[0])
        figure = layers.figure_alpha
        if figure is not None:
            figure = alpha + (1 - alpha) * torch.where(bare, torch.zeros_like(alpha), figure)
        flow = layers.residual_flow.clone()
        flow[0, n, :, F.adaptive_max_pool2d(own.float()[None], flow.shape[-1])[0] > 0] = 0
        maps, pictures = layers.part_maps.clone(), layers.part_source.clone()
        maps[0, self.parts[0]], pictures[0, self.parts[0]] = source, n
        sampling = "bicubic" if self.cell is None else "nearest"
        masks = torch.stack([before, own, bare])[None].float()
        return replace(
            layers,
            image=image[None],
            painted=torch.where(own, image, layers.painted),
            warped_share=torch.where(own, torch.ones_like(alpha), layers.warped_share),
            logits=logits[None],
            part_maps=maps,
            part_source=pictures,
            residual_flow=flow,
            figure_alpha=figure,
        ), PlacedHead(drawing, source, placed, found.head.around, masks, sampling, n, alike, shown.numpy())

    def _drawn(self, drawing: Drawing, source: Tensor) -> Tensor:
        """A picture, moved, at the network's size: (3, S, S) in [-1, 1]."""
        pixels = drawing.pixels[None]
        if self.cell is None:
            drawn = sample(F.adaptive_avg_pool2d(pixels, self.size), source, self.size, "bicubic").clamp(0, 1)
        else:
            drawn = sample(pixels, source, self.size, "nearest")
        return (2 * drawn[:3] / drawn[3:].clamp(min=1e-3) - 1).clamp(-1, 1)


def _between_angles(one: float, other: float) -> float:
    """The angle between two directions, from 0 to pi."""
    return abs((one - other + math.pi) % (2 * math.pi) - math.pi)
