"""Where pixels of a drawing may be sampled from: an arm's from that arm, and never from the ground.

The network says to within a few of its own pixels where a limb's pixels come from. A thin limb of a large drawing is
missed by that, and the ground, or what is behind the limb, is sampled in its place. Here such positions are moved to
the nearest pixel of the same region of the body.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from capture.inference.drawing import Drawing
from capture.inference.head_cutout import part_labels
from capture.inference.head_direction import HEAD, part_shares
from capture.io.iuv import FACE_PARTS, PARTS

LARGEST = 512  # side of the maps of regions
FEWEST = 24 / 128**2  # of a picture's pixels: smaller regions are the segmenter's mistakes
SIDES, ARM, LEG = ("l", "r"), ("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot")
HEAD_REGION, TRUNK, LIMBS = 1, 2, 3  # 0 is the ground; LIMBS and the three after it are arms and legs


@cache
def region_of_parts() -> np.ndarray:
    """The region of every part, by its number in PARTS and FACE_PARTS: head, trunk, arms and legs. What is none of
    these belongs to the trunk."""
    regions = np.full(len(PARTS), TRUNK)
    for number, name in enumerate(PARTS):
        if name in HEAD:
            regions[number] = HEAD_REGION
        side, _, limb = name.partition("_")
        for k, names in enumerate((ARM, LEG)):
            if side in SIDES and limb in names:
                regions[number] = LIMBS + 2 * SIDES.index(side) + k
    return np.append(regions, [HEAD_REGION] * len(FACE_PARTS))


class BodyRegions:
    """The regions of one drawing.

    Args:
        drawing: whose alpha says where the figure is.  logits: (1, parts + 1, h, h), of the segmenter.
    """

    def __init__(self, drawing: Drawing, logits: Tensor):
        side = min(drawing.pixels.shape[-1], LARGEST)
        alpha = torch.nn.functional.adaptive_avg_pool2d(drawing.pixels[3:][None], side)[0, 0].numpy()
        figure = alpha > 0.5
        labels = part_labels(part_shares(logits, side)[0].argmax(0).numpy(), figure)
        self.side = side
        self.regions = np.where(figure & (labels > 0), region_of_parts()[np.maximum(labels, 1) - 1], 0)  # (L, L)
        edge = 1 + (drawing.outline.width * side // drawing.pixels.shape[-1] if drawing.outline is not None else 0)
        self._inside = ndimage.binary_erosion(figure, iterations=edge)
        self._nearest: dict[int, np.ndarray | None] = {}

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
