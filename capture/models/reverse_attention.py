"""The reverse-attention module of CaPTURe (An and Choi, Neurocomputing 2023)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.models.layers import ConvBlock, adain
from capture.models.recompute import Recomputable

ROWS = ("identity", "pose")


def attend(query: Tensor, key: Tensor, value: Tensor, t: float) -> Tensor:
    """softmax(query^T key / t) applied to value, over all positions, without an N x N matrix.

    Args:
        query, key: (B, d, H, W).  value: (B, C, H, W).  t: the temperature.
    Returns:
        (B, C, H, W): at each query position the values' weighted mean.
    """
    b, c, h, w = value.shape
    # contiguous (no copy for channels_last maps): the memory-saving kernels take no other layout
    q, k, v = (x.flatten(2).transpose(1, 2).unsqueeze(1).contiguous() for x in (query, key, value))  # (B, 1, N, d | C)
    if q.shape[-1] < c:  # the memory-saving kernels want one width; zeros change no product
        q, k = (F.pad(x, (0, c - x.shape[-1])) for x in (q, k))
    out = F.scaled_dot_product_attention(q, k, v, scale=1.0 / t)  # (B, 1, N, C)
    return out.squeeze(1).transpose(1, 2).reshape(b, c, h, w)


class ReverseAttention(Recomputable):
    """Pose-guided identity attention beside identity-guided reverse pose attention.

    With A = softmax(Q(F_I)^T K(F_P) / t) and B = softmax(Q(F_P)^T K(F_I) / t), rows being query positions:

        F_A  = (1 - b) F_I + b (A V(F_I))
        F_RA = (1 - a) ((1 - B) h) + a h,   h = AdaIN(F_in, F_I)
        out  = ConvBlock(concat(F_A, F_RA))

    (1 - B) h is computed as sum_j h_j - B h, so memory grows with the number of positions and not with its square.

    As published, a row of A is a position of the identity picture, and what it gathers goes to that position. With
    rows = "pose" a row is a position of the pose picture, as B's are (A = B): each gathers from the identity picture
    what belongs there, so that a part can be carried from where it was to where it is to be.

    Args:
        channels: width m of all three inputs.  t: temperature, None for the square root of the query's width.
        alpha, beta: where a and b start. The release starts both at 1, so that the reverse branch begins as h alone;
            the paper's figure draws the weights the other way round, which alpha = 0 gives.
        rows: identity (as published) | pose.
    """

    def __init__(
        self, channels: int, t: float | None = None, alpha: float = 1.0, beta: float = 1.0, rows: str = "identity"
    ):
        super().__init__()
        if rows not in ROWS:
            raise ValueError(f"attn_rows '{rows}' is none of {', '.join(ROWS)}")
        self.rows = rows
        width = max(channels // 8, 1)
        self.t = math.sqrt(width) if t is None else float(t)
        self.alpha = nn.Parameter(torch.full((1,), float(alpha)))  # a
        self.beta = nn.Parameter(torch.full((1,), float(beta)))  # b
        self.query_conv = nn.Conv2d(channels, width, 1)  # Q
        self.key_conv = nn.Conv2d(channels, width, 1)  # K
        self.value_conv = nn.Conv2d(channels, channels, 1)  # V
        self.conv_comp = ConvBlock(2 * channels, channels)

    def forward(self, feature: Tensor, identity: Tensor, pose: Tensor) -> Tensor:
        """F_in, F_I, F_P, each (B, m, H, W) -> (B, m, H, W)."""
        who, where = self.value_conv(identity), self.query_conv(pose)  # (B, m, H, W), (B, m/8, H, W)
        h = adain(feature, identity)  # (B, m, H, W)
        if self.rows == "pose":  # A = B: one attention over both
            attended, seen = attend(where, self.key_conv(identity), torch.cat([who, h], dim=1), self.t).chunk(2, dim=1)
        else:
            attended = attend(self.query_conv(identity), self.key_conv(pose), who, self.t)
            seen = attend(where, self.key_conv(identity), h, self.t)
        f_a = (1 - self.beta) * identity + self.beta * attended  # (B, m, H, W)

        total = h.float().sum(dim=(2, 3), keepdim=True)  # (B, m, 1, 1)
        reverse = total - seen  # (B, m, H, W)
        f_ra = (1 - self.alpha) * reverse + self.alpha * h

        return self.conv_comp(torch.cat([f_a, f_ra], dim=1).to(feature.dtype))  # (B, m, H, W)
