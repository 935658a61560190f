"""Where pixels of a drawing may be sampled from: an arm's from that arm, and never from the ground.

The network says to within a few of its own pixels where a limb's pixels come from. A thin limb of a large drawing is
missed by that, and the ground, or what is behind the limb, is sampled in its place. Here such positions are moved to
the nearest pixel of the same region of the body.
"""

from __future__ import annotations

from functools import cache, cached_property

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from capture.inference.drawing import SAME_INK, Drawing
from capture.inference.kept_parts.head_cutout import part_labels
from capture.inference.kept_parts.head_direction import HEAD, part_shares
from capture.io.iuv import ARM, FACE_PARTS, LEG, PART, PARTS

LARGEST = 512  # side of the maps of regions
FEWEST = 24 / 128**2  # of a picture's pixels: smaller regions are the segmenter's mistakes
STRAY = 0.1  # share of a limb's largest patch, below which another patch of the colour around it is a mistake as well
SAME_COLOUR = 0.15  # largest difference of a channel
AROUND = 2 / 64  # of the side: how far the surroundings of a patch reach
REGIONS = (HEAD, *(tuple(f"{side}_{name}" for name in limb) for side in "lr" for limb in (ARM, LEG)))
HEAD_REGION, TRUNK = 1, len(REGIONS) + 1  # 0 is the ground, k is REGIONS[k - 1], and the trunk is the rest


@cache
def region_of_parts() -> np.ndarray:
    """The region of every part, by its number in PARTS and FACE_PARTS: head, trunk, arms and legs. What is none of
    these belongs to the trunk."""
    regions = np.full(len(PARTS), TRUNK)
    for number, names in enumerate(REGIONS, 1):
        regions[[PART[name] for name in names]] = number
    return np.append(regions, [HEAD_REGION] * len(FACE_PARTS))


class BodyRegions:
    """The regions of one drawing, found when they are first needed: results of the network's size do without.

    Args:
        drawing: whose alpha says where the figure is.  logits: (1, parts + 1, h, h), of the segmenter.
    """

    def __init__(self, drawing: Drawing, logits: Tensor):
        self.drawing, self.logits = drawing, logits
        self.side = min(drawing.pixels.shape[-1], LARGEST)  # L
        self._nearest: dict[int, tuple[np.ndarray, np.ndarray] | None] = {}

    @cached_property
    def regions(self) -> np.ndarray:
        """The region of every pixel, int (L, L); 0 outside of the figure."""
        labels = part_labels(part_shares(self.logits, self.side)[0].argmax(0).numpy(), self._figure)
        regions = np.where(self._figure & (labels > 0), region_of_parts()[np.maximum(labels, 1) - 1], 0)
        for limb in range(HEAD_REGION + 1, TRUNK):
            regions[self._strays(regions == limb)] = TRUNK
        return regions

    def _strays(self, limb: np.ndarray) -> np.ndarray:
        """Small patches of a limb, apart from the rest of it and of the colour of what surrounds them, bool (L, L)."""
        patches, _ = ndimage.label(limb, np.ones((3, 3)))
        sizes = np.bincount(patches.ravel())[1:]
        strays = np.zeros_like(limb)
        for number in 1 + np.flatnonzero(sizes < STRAY * sizes.max(initial=0)):
            patch = patches == number
            around = ndimage.binary_dilation(patch, iterations=round(AROUND * self.side)) & self._figure & ~limb
            if around.any():
                inside, outside = (np.median(self._colours[:, mask], axis=1) for mask in (patch, around))
                strays |= patch & (np.abs(inside - outside).max() < SAME_COLOUR)
        return strays

    @cached_property
    def _colours(self) -> np.ndarray:
        """(3, L, L) in [0, 1]."""
        pixels = F.adaptive_avg_pool2d(self.drawing.pixels[None], self.side)[0].numpy()
        colours: np.ndarray = pixels[:3] / np.maximum(pixels[3:], 1 / 255)
        return colours

    @cached_property
    def _figure(self) -> np.ndarray:
        covered: np.ndarray = F.adaptive_avg_pool2d(self.drawing.pixels[3:][None], self.side)[0, 0].numpy()
        return covered > 0.5

    @cached_property
    def _edge(self) -> int:
        """Width of the edge of a region in pixels of the maps: colours mixed with those beside it, and the line."""
        outline, size = self.drawing.outline, self.drawing.pixels.shape[-1]
        return 1 + (0 if outline is None else outline.width * self.side // size)

    @cached_property
    def _inside(self) -> np.ndarray:
        """The figure without its edge."""
        inside: np.ndarray = ndimage.binary_erosion(self._figure, iterations=self._edge)
        return inside

    def _without_edge(self, region: np.ndarray) -> np.ndarray:
        """The pixels of a region that are neither on the edge of the figure nor on the line around the region."""
        inner, outline = region & self._inside, self.drawing.outline
        if outline is not None:
            ink = np.abs(255 * self._colours - outline.colour[:, None, None]).max(0) < SAME_INK
            inner &= ~ink | ndimage.binary_erosion(region, iterations=self._edge + 1)
        return inner if inner.any() else region

    def corrected(self, grid: Tensor, part: Tensor) -> Tensor:
        """Positions (2, h, w) in the drawing; those outside of the region of their part are moved to the nearest of it,
        and so are those on the line around their region where the result has none.

        Args:
            part: int64 (h, w), what each position is to show, as a number in PARTS.
        """
        column, row = (((x + 1) * self.side / 2).long().clamp(0, self.side - 1).numpy() for x in grid)
        there, wanted = self.regions[row, column], region_of_parts()[part.numpy()]
        edge = 1 + self._edge * self.drawing.pixels.shape[-1] // self.side
        made = grid.numpy().copy()
        for region in np.unique(wanted):
            found = self._nearest_in(int(region))
            if found is None:
                continue
            own, nearest = found
            shown = wanted == region
            wrong = shown & (there != region)
            if self.drawing.outline is not None:
                wrong |= ndimage.binary_erosion(shown, iterations=edge) & ~own[row, column]
            if wrong.any():
                rows, columns = nearest[:, row[wrong], column[wrong]]
                made[:, wrong] = (2 * np.stack([columns, rows]) + 1) / self.side - 1
        return torch.from_numpy(made)

    def _nearest_in(self, region: int) -> tuple[np.ndarray, np.ndarray] | None:
        """The pixels of a region without its edge, bool (L, L), and row and column of the nearest of them, (2, L, L);
        None where the drawing hardly shows the region."""
        if region not in self._nearest:
            found, own = None, self.regions == region
            if own.mean() >= FEWEST:
                own = self._without_edge(own)
                found = own, ndimage.distance_transform_edt(~own, return_distances=False, return_indices=True)
            self._nearest[region] = found
        return self._nearest[region]
