"""The proportions of a drawn figure, by which a driver with similar ones is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from capture.inference.figure import find_figures
from capture.inference.transfer import PoseTransfer
from capture.io.images import tensor_to_image
from capture.io.iuv import PART

HEAD = tuple(PART[name] + 1 for name in ("head", "face"))  # hair, ears and hats differ too much to be measured
LEAST = 0.2  # of the figure's width: thinner rows of head are errors of the segmentation


@dataclass(frozen=True)
class FigureMeasures:
    """Proportions of a standing figure.

    Attributes:
        height_to_width: of the box around it.
        head_share: from the top of the figure to the chin, as a share of its height; None where nobody knows.
    """

    height_to_width: float
    head_share: float | None = None

    @classmethod
    def of(cls, figure: np.ndarray, parts: np.ndarray | None = None) -> FigureMeasures | None:
        """The measures of a figure.

        Args:
            figure: bool (H, W), where it is.
            parts: (h, w) of the same picture at any size, 0 for the background and k for PARTS[k - 1].
        Returns:
            None where there is no figure.
        """
        rows, columns = figure.any(1).nonzero()[0], figure.any(0).nonzero()[0]
        if not len(rows):
            return None
        top, height, width = int(rows[0]), int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
        if parts is None:
            return cls(height / width)
        scale = figure.shape[0] / parts.shape[0]
        head = (np.isin(parts, HEAD).sum(1) * scale >= LEAST * width).nonzero()[0]
        if not len(head):
            return cls(height / width)
        return cls(height / width, float(np.clip(((head[-1] + 1) * scale - top) / height, 0.05, 1)))


def measure_figure(transfer: PoseTransfer, picture: Tensor) -> FigureMeasures | None:
    """Measure the figure of a framed identity picture, uint8 (3, S, S): with the head where the method finds parts.

    Returns:
        None where no figure is found.
    """
    found = find_figures(tensor_to_image(picture))
    if not found.figures:
        return None
    figure, mask = found.figures[0], np.zeros(picture.shape[1:], bool)
    left, top, right, bottom = figure.box
    mask[top:bottom, left:right] = figure.alpha >= 128
    parts = transfer.segment(picture[None])
    return FigureMeasures.of(mask, None if parts is None else parts[0].numpy())
