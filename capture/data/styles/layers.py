"""Pictures of figures before the ground: paint, ink, and how much of each pixel they cover."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Layers:
    """N pictures of one style. Paint and ink share a pixel side by side; what they leave is ground.

    Attributes:
        paint: (N, 3, S, S) in [0, 1], the colour where there is paint.
        paint_share: (N, 1, S, S) in [0, 1], the share of each pixel that paint covers.
        ink: (N, 3, S, S), the colour of the ink times its share.
        ink_share: (N, 1, S, S).
        maps: uint8 (N, 3, S, S), IUV.
        ground: (N, 3, 1, 1) in [0, 1], the ground that the pictures had.
    """

    paint: Tensor
    paint_share: Tensor
    ink: Tensor
    ink_share: Tensor
    maps: Tensor
    ground: Tensor

    def figure(self) -> tuple[Tensor, Tensor]:
        """The colour times its share, (N, 3, S, S), and the share that the figure covers, (N, 1, S, S)."""
        return self.paint * self.paint_share + self.ink, (self.paint_share + self.ink_share).clamp(max=1)
