"""Where pixels and texels lie in [-1, 1]: three conventions, and reading a picture at coordinates.

    centres   pixel i of n lies at (2i + 1)/n - 1, everywhere; grid_sample with align_corners=False
    corners   pixel i of n lies at 2i/(n - 1) - 1, everywhere; grid_sample with align_corners=True
    release   as the released code: the mesh is the one of `corners`, texel i of a splat lies at 2i/n - 1, and
              grid_sample takes align_corners as configured (False since torch 1.3, True before)

Coordinates are (horizontal, vertical), channel 0 and channel 1; -1 is left or top.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from capture.nn.geometry import warp

CONVENTIONS = ("centres", "corners", "release")


@dataclass(frozen=True)
class Convention:
    """One of CONVENTIONS.

    Attributes:
        name: which.
        align_corners: of grid_sample, read for `release` alone.
    """

    name: str = "centres"
    align_corners: bool = False

    @property
    def sampling(self) -> bool:
        """The align_corners that grid_sample gets."""
        return {"centres": False, "corners": True}.get(self.name, self.align_corners)

    def mesh(self, height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
        """Coordinates of every pixel, (2, height, width) float32."""
        if self.name == "centres":
            x, y = ((2 * torch.arange(n, device=device) + 1) / n - 1 for n in (width, height))
        else:
            x, y = (2 * torch.arange(n, device=device) / (n - 1) - 1 for n in (width, height))
        return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])

    def to_texels(self, coordinates: Tensor, size: int) -> Tensor:
        """Coordinates in [-1, 1] -> positions in texels 0 .. size - 1 of a side, for splatting."""
        if self.name == "centres":
            return ((coordinates + 1) * size - 1) / 2
        return (coordinates + 1) / 2 * (size if self.name == "release" else size - 1)

    def from_texels(self, positions: Tensor, size: int) -> Tensor:
        """The inverse of `to_texels`."""
        if self.name == "centres":
            return (2 * positions + 1) / size - 1
        return 2 * positions / (size if self.name == "release" else size - 1) - 1

    def sample(self, picture: Tensor, coordinates: Tensor) -> Tensor:
        """Read `picture` (B, C, H, W) bilinearly at `coordinates` (B, 2, h, w), zeros outside; (B, C, h, w)."""
        return warp(picture, coordinates.float().permute(0, 2, 3, 1), self.sampling)
