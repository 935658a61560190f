"""The Liquid Warping Block: source features, warped by the correspondence, are added to the transfer's features.

Liu et al., ICCV 2019, section 3.2. As in the authors' release, the block works after encoders 1, 2, 3 and after each
residual block, neither after encoder 0 nor in the decoder. It has no parameters; the flow has no gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from capture.nn.geometry import warp
from capture.nn.iuv import resize_flow

Warpable = Sequence[Tensor] | Mapping[int, Tensor]  # a source's features by the index of the module that made them


class LiquidWarping:
    """x_t -> x_t + the sum over sources of sample(x_s, flow), at whatever side x_t has.

    Args:
        sources: for each source, the features of ResUnet.encode; those of module 0 are not needed.
        flows: for each source, (B, S, S, 2), coordinates in [-1, 1] or -2 where invalid.
        resize: how flows are brought to a feature's side, see capture.nn.iuv.resize_flow.
        align_corners: convention of sampling and resizing; the release's is true.
    """

    def __init__(
        self,
        sources: Sequence[Warpable],
        flows: Sequence[Tensor],
        resize: Literal["bilinear", "masked"] = "bilinear",
        align_corners: bool = True,
    ):
        self.sources, self.flows, self.resize, self.align_corners = sources, flows, resize, align_corners
        self._resized: dict[int, list[Tensor]] = {}

    def __call__(self, x: Tensor, index: int) -> Tensor:
        """Features (B, C, h, h) of the transfer stream after module `index` -> the same shape."""
        for features, flow in zip(self.sources, self._flows_for(x.shape[-1])):
            x = x + warp(features[index], flow, self.align_corners)  # (B, C, h, h)
        return x

    def _flows_for(self, side: int) -> list[Tensor]:
        if side not in self._resized:
            self._resized[side] = [resize_flow(flow, side, self.resize, self.align_corners) for flow in self.flows]
        return self._resized[side]
