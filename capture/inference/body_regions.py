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

from capture.inference.drawing import Drawing
from capture.inference.kept_parts.head_cutout import part_labels
from capture.inference.kept_parts.head_direction import HEAD, part_shares
from capture.io.iuv import ARM, FACE_PARTS, LEG, PART, PARTS

LARGEST = 512  # side of the maps of regions
FEWEST = 24 / 128**2  # of a picture's pixels: smaller regions are the segmenter's mistakes
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
        self._nearest: dict[int, np.ndarray | None] = {}

    @cached_property
    def regions(self) -> np.ndarray:
        """The region of every pixel, int (L, L); 0 outside of the figure."""
        labels = part_labels(part_shares(self.logits, self.side)[0].argmax(0).numpy(), self._figure)
        return np.where(self._figure & (labels > 0), region_of_parts()[np.maximum(labels, 1) - 1], 0)

    @cached_property
    def _figure(self) -> np.ndarray:
        covered: np.ndarray = F.adaptive_avg_pool2d(self.drawing.pixels[3:][None], self.side)[0, 0].numpy()
        return covered > 0.5

    @cached_property
    def _inside(self) -> np.ndarray:
        """The figure without its edge, which is mixed with the ground, and without the line around it."""
        outline, size = self.drawing.outline, self.drawing.pixels.shape[-1]
        edge = 1 + (0 if outline is None else outline.width * self.side // size)
        inside: np.ndarray = ndimage.binary_erosion(self._figure, iterations=edge)
        return inside

    def corrected(self, grid: Tensor, part: Tensor) -> Tensor:
        """Positions (2, h, w) in the drawing; those outside of the region of their part are moved to the nearest of it.

        Args:
            part: int64 (h, w), what each position is to show, as a number in PARTS.
        """
        column, row = (((x + 1) * self.side / 2).long().clamp(0, self.side - 1).numpy() for x in grid)
        there, wanted = self.regions[row, column], region_of_parts()[part.numpy()]
        made = grid.numpy().copy()
        for region in np.unique(wanted):
            nearest = self._nearest_in(int(region))
            wrong = (wanted == region) & (there != region)
            if nearest is None or not wrong.any():
                continue
            rows, columns = nearest[:, row[wrong], column[wrong]]
            made[:, wrong] = (2 * np.stack([columns, rows]) + 1) / self.side - 1
        return torch.from_numpy(made)

    def _nearest_in(self, region: int) -> np.ndarray | None:
        """Row and column of the nearest pixel of a region, (2, L, L); None where the drawing hardly shows it."""
        if region not in self._nearest:
            own = self.regions == region
            inner = own & self._inside
            own = inner if inner.any() else own
            enough = own.mean() >= FEWEST
            found = (
                ndimage.distance_transform_edt(~own, return_distances=False, return_indices=True) if enough else None
            )
            self._nearest[region] = found
        return self._nearest[region]
