"""The reverse-attention module."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from capture.nn.attention import VisibleAttention, attend, attention_matrix
from capture.nn.blocks import ConvBlock, adain
from capture.nn.recompute import Recomputable


class ReverseAttention(Recomputable, VisibleAttention):
    """Pose-guided identity attention beside identity-guided reverse pose attention.

    With A = softmax(Q(F_I)^T K(F_P) / t) and B = softmax(Q(F_P)^T K(F_I) / t), rows being query positions:

        F_A  = (1 - b) F_I + b (A V(F_I))
        F_RA = (1 - a) ((1 - B) h) + a h,   h = AdaIN(F_in, F_I)
        out  = ConvBlock(concat(F_A, F_RA))

    (1 - B) h is computed as sum_j h_j - B h, so memory grows with the number of positions and not with its square.

    Args:
        channels: width m of all three inputs.  t: temperature, None for the square root of the query's width.
        alpha: where a starts. The release starts both at 1, so that the reverse branch begins as h alone; the paper's
            figure draws the weights the other way round, which alpha = 0 gives.
    """

    rows = "identity"

    def __init__(self, channels: int, t: float | None = None, alpha: float = 1.0):
        super().__init__()
        width = max(channels // 8, 1)
        self.t = math.sqrt(width) if t is None else float(t)
        self.alpha = nn.Parameter(torch.full((1,), float(alpha)))  # a
        self.beta = nn.Parameter(torch.ones(1))  # b
        self.query_conv = nn.Conv2d(channels, width, 1)  # Q
        self.key_conv = nn.Conv2d(channels, width, 1)  # K
        self.value_conv = nn.Conv2d(channels, channels, 1)  # V
        self.out_conv = ConvBlock(2 * channels, channels)

    def forward(self, feature: Tensor, identity: Tensor, pose: Tensor) -> Tensor:
        """F_in, F_I, F_P, each (B, m, H, W) -> (B, m, H, W)."""
        h = adain(feature, identity)  # (B, m, H, W)
        a_v = attend(self.query_conv(identity), self.key_conv(pose), self.value_conv(identity), self.t)  # A V(F_I)
        b_h = attend(self.query_conv(pose), self.key_conv(identity), h, self.t)  # B h
        return self.join(identity, a_v, h, b_h)

    def join(self, identity: Tensor, a_v: Tensor, h: Tensor, b_h: Tensor) -> Tensor:
        """F_I, A V(F_I), h and B h, each (B, m, H, W) -> ConvBlock(concat(F_A, F_RA)), (B, m, H, W)."""
        f_a = (1 - self.beta) * identity + self.beta * a_v  # (B, m, H, W)
        total = h.float().sum(dim=(2, 3), keepdim=True)  # (B, m, 1, 1)
        reverse = total - b_h  # (1 - B) h
        f_ra = (1 - self.alpha) * reverse + self.alpha * h  # (B, m, H, W)
        out: Tensor = self.out_conv(torch.cat([f_a, f_ra], dim=1).to(h.dtype))  # (B, m, H, W)
        return out

    def matrices(self, inputs: tuple[Tensor, ...], output: Any) -> tuple[Tensor, Tensor]:
        _, identity, pose = inputs
        a = attention_matrix(self.query_conv(identity), self.key_conv(pose), self.t)  # (N, N)
        b = attention_matrix(self.query_conv(pose), self.key_conv(identity), self.t)  # (N, N)
        return a, b
