"""From the motions of a few local frames to one flow: what FOMM's dense motion and MRAA's pixelwise flow share.

Each keypoint or region proposes a motion of the whole picture, and the background one more. A network that sees the
source moved by each proposal predicts, for every position, the weights by which the proposals are blended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.antialias import AntiAliasDown
from capture.nn.geometry import apply_matrix, coordinate_grid, warp
from capture.nn.hourglass import Hourglass


class Motion(NamedTuple):
    """A flow at h x w, all float32.

    Attributes:
        flow: (B, h, w, 2), where in the source each driving position comes from.
        occlusion: (B, 1, h, w), 1 where the source shows what is needed, 0 where it must be inpainted; or None.
        mask: (B, K+1, h, w), the share of each proposal, the background's first.
    """

    flow: Tensor
    occlusion: Tensor | None
    mask: Tensor


def proposals(
    height: int, width: int, driving: Tensor, source: Tensor, matrix: Tensor | None, background: Tensor | None
) -> Tensor:
    """Where in the source each position comes from, according to the background and to each frame.

    Args:
        driving, source: frame centres (B, K, 2).  matrix: (B, K, 2, 2) from driving to source offsets, None: identity.
        background: (B, height, width, 2) its flow, None: it stands still.
    Returns:
        (B, K+1, height, width, 2).
    """
    grid = coordinate_grid(height, width, driving.device)  # (H, W, 2)
    offset = grid - driving[:, :, None, None]  # (B, K, H, W, 2)
    if matrix is not None:
        offset = apply_matrix(matrix[:, :, None, None], offset)
    frames = offset + source[:, :, None, None]
    still = grid.expand(frames.shape[0], -1, -1, -1) if background is None else background
    return torch.cat([still.unsqueeze(1), frames], dim=1)


def move_by_each(source: Tensor, flows: Tensor, align_corners: bool) -> Tensor:
    """The source (B, C, H, W) moved by each of flows (B, K, H, W, 2) -> (B, K, C, H, W)."""
    count = flows.shape[1]
    tall = warp(source, flows.flatten(1, 2), align_corners)  # (B, C, K * H, W): one look-up, no copies of the source
    moved: Tensor = tall.unflatten(2, (count, -1))  # (B, C, K, H, W)
    return moved.transpose(1, 2)


class MotionNetwork(nn.Module):
    """Source picture and proposals -> Motion. Parameter names are those of published checkpoints.

    Args:
        count: K, frames beside the background.
        show_source: show the network the source moved by each proposal, not only the heat maps.
        scale_factor: the picture is shrunk by this factor first.
    """

    def __init__(
        self,
        count: int,
        block_expansion: int,
        max_features: int,
        num_blocks: int,
        scale_factor: float,
        estimate_occlusion_map: bool,
        show_source: bool,
        align_corners: bool,
    ):
        super().__init__()
        self.show_source, self.align_corners = show_source, align_corners
        channels = (count + 1) * (4 if show_source else 1)
        self.hourglass = Hourglass(block_expansion, channels, num_blocks, max_features)
        self.mask = nn.Conv2d(self.hourglass.out_channels, count + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.out_channels, 1, 7, padding=3) if estimate_occlusion_map else None
        self.down = None if scale_factor == 1 else AntiAliasDown(3, scale_factor)

    def predict(
        self,
        source: Tensor,
        heat: Callable[[int, int], Tensor],
        flows: Callable[[int, int], Tensor],
    ) -> Motion:
        """Blend the proposals into one flow.

        Args:
            source: (B, 3, S, S) in [0, 1].
            heat: (h, w) -> (B, K, h, w), the frames' Gaussians, driving minus source.
            flows: (h, w) -> (B, K+1, h, w, 2), the proposals.
        """
        if self.down is not None:
            source = self.down(source)  # (B, 3, h, w), h = S * scale_factor
        height, width = source.shape[-2:]
        proposed = flows(height, width)  # (B, K+1, h, w, 2)
        shown = F.pad(heat(height, width), (0, 0, 0, 0, 1, 0)).unsqueeze(2)  # (B, K+1, 1, h, w), 0 for the background
        if self.show_source:
            moved = move_by_each(source.float(), proposed, self.align_corners)  # (B, K+1, 3, h, w)
            shown = torch.cat([shown, moved], dim=2)  # (B, K+1, 4, h, w)
        features = self.hourglass(shown.flatten(1, 2))  # (B, c, h, w)
        mask = self.mask(features).float().softmax(dim=1)  # (B, K+1, h, w)
        flow = (proposed * mask.unsqueeze(-1)).sum(dim=1)  # (B, h, w, 2)
        occlusion = None if self.occlusion is None else torch.sigmoid(self.occlusion(features).float())
        return Motion(flow, occlusion, mask)
