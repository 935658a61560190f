"""What the three streams of Liquid Warping GAN see: pictures with holes, figures cut out, and flags of the background.

A flag or mask is 1 on the background. Kernels are those of the release at 256 pixels, scaled to smaller pictures.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_HOLE = 5  # kernel that enlarges the background's hole at least by two pixels: ink outlines belong to no part


def erode(mask: Tensor, kernel: int) -> Tensor:
    """Erosion of a mask (B, 1, H, W) by a kernel x kernel square, an odd side; outside of the picture counts as 1."""
    return -F.max_pool2d(-mask, kernel, stride=1, padding=kernel // 2)


def hole_kernel(size: int) -> int:
    """Side of the square that enlarges the hole in pictures of side `size`: 15 at 256, and at least 5."""
    return max(2 * (15 * size // 512) + 1, SMALLEST_HOLE)


def background_inputs(image: Tensor, background: Tensor, kernel: int) -> Tensor:
    """The known background with an enlarged hole and its flag: (B, 3, S, S), (B, 1, S, S) -> (B, 4, S, S)."""
    known = erode(background, kernel)
    return torch.cat([image * known, known], dim=1)


def source_inputs(image: Tensor, condition: Tensor, background: Tensor, kernel: int) -> Tensor:
    """The figure grown by kernel // 2 pixels, 0 around it, and its conditional map: (B, 3 + C, S, S)."""
    return torch.cat([image * (1 - erode(background, kernel)), condition], dim=1)


def border_median(image: Tensor) -> Tensor:
    """A constant background's colour, the median of each channel along the border: (B, 3, H, W) -> (B, 3, 1, 1)."""
    edges = (image[..., 0, :], image[..., -1, :], image[..., 1:-1, 0], image[..., 1:-1, -1])
    return torch.cat(edges, dim=-1).median(dim=-1).values[..., None, None]
