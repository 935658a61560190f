"""Attention whose rows are positions of the pose picture, which results of version 3 may hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from capture.methods.capture.generator import CaPTUReGenerator
from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.attention import attend, attention_matrix
from capture.nn.blocks import adain


class PoseRowAttention(ReverseAttention):
    """Reverse attention with A = B: each position of the pose gathers what belongs there from the identity picture."""

    rows = "pose"

    def forward(self, feature: Tensor, identity: Tensor, pose: Tensor) -> Tensor:
        h = adain(feature, identity)  # (B, m, H, W)
        values = torch.cat([self.value_conv(identity), h], dim=1)  # (B, 2m, H, W)
        a_v, b_h = attend(self.query_conv(pose), self.key_conv(identity), values, self.t).chunk(2, dim=1)
        return self.join(identity, a_v, h, b_h)

    def matrices(self, inputs: tuple[Tensor, ...], output: Any) -> tuple[Tensor, Tensor]:
        _, identity, pose = inputs
        both = attention_matrix(self.query_conv(pose), self.key_conv(identity), self.t)  # (N, N)
        return both, both


def use_pose_rows(generator: CaPTUReGenerator) -> None:
    """Replace the decoder's attention modules by ones whose rows are the pose's."""
    modules = []
    for module in generator.decoder.attention:
        assert isinstance(module, ReverseAttention)
        replacement = PoseRowAttention(module.value_conv.out_channels, module.t, module.alpha.item())
        modules.append(replacement)
    generator.decoder.attention = nn.ModuleList(modules)
