"""The reverse-attention module of CaPTURe (An and Choi, Neurocomputing 2023)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.models.layers import ConvBlock, adain
from capture.models.recompute import Recomputable

ROWS = ("identity", "pose", "output")
COSINE_T = 0.07  # temperature where scores lie between -1 and 1
SMALL = 1024  # positions up to which the N x N matrix is cheaper than the kernels that avoid it


def attend(query: Tensor, key: Tensor, value: Tensor, t: float) -> Tensor:
    """softmax(query^T key / t) applied to value, over all positions, without an N x N matrix.

    Args:
        query, key: (B, d, H, W).  value: (B, C, H, W).  t: the temperature.
    Returns:
        (B, C, H, W): at each query position the values' weighted mean.
    """
    b, c, h, w = value.shape
    if h * w <= SMALL and value.device.type == "cpu":
        q, k, v = (x.flatten(2).transpose(1, 2).to(value.dtype) for x in (query, key, value))  # (B, N, d | C)
        with torch.autocast("cpu", enabled=False):
            out = torch.bmm(torch.softmax(torch.bmm(q / t, k.transpose(1, 2)), dim=-1), v)  # (B, N, C)
        return out.transpose(1, 2).reshape(b, c, h, w)
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
    other rows A = B, and each position gathers from the identity picture what belongs there, so that a part can be
    carried from where it was to where it is to be:

    rows = "pose": a row is a position of the pose picture.
    rows = "output": a row is a position of the picture that is being made. Its query knows the identity as well, whose
        head may be larger than the pose's: F_in and F_P both become ConvBlock(concat(F_in, F_P)). Queries and keys
        are scaled to length one, so that no score outgrows 1 / t.

    Args:
        channels: m of all three inputs.  t: temperature, None for the square root of the query's width, or for 0.07
            where queries have length one.
        alpha, beta: where a and b start. The release starts both at 1, so that the reverse branch begins as h alone;
            the paper's figure draws the weights the other way round, which alpha = 0 gives.
        rows: identity (as published) | pose | output.
        width: of queries and keys, 0 for m / 8 as published.
        extra: channels that are gathered besides (rows "output" and "pose").
        key_channels: of what keys are made of, 0 for m: of F_I itself.
    Attributes:
        watched: keep query and key (B, width, H, W) of the last forward in `seen` (rows "pose" and "output").
    """

    def __init__(
        self,
        channels: int,
        t: float | None = None,
        alpha: float = 1.0,
        beta: float = 1.0,
        rows: str = "identity",
        width: int = 0,
        extra: int = 0,
        key_channels: int = 0,
    ):
        super().__init__()
        if rows not in ROWS:
            raise ValueError(f"attn_rows '{rows}' is none of {', '.join(ROWS)}")
        self.rows = rows
        self.watched, self.seen = False, None
        width = width or max(channels // 8, 1)
        usual = COSINE_T if rows == "output" else math.sqrt(width)
        self.t = usual if t is None else float(t)
        self.alpha = nn.Parameter(torch.full((1,), float(alpha)))  # a
        self.beta = nn.Parameter(torch.full((1,), float(beta)))  # b
        self.query_conv = nn.Conv2d(channels, width, 1)  # Q
        self.key_conv = nn.Conv2d(key_channels or channels, width, 1)  # K
        self.value_conv = nn.Conv2d(channels, channels, 1)  # V
        self.conv_comp = ConvBlock(2 * channels + extra, channels)
        if rows == "output":
            self.conv_state = ConvBlock(2 * channels, channels)

    def forward(
        self,
        feature: Tensor,
        identity: Tensor,
        pose: Tensor,
        extra: Tensor | None = None,
        context: Tensor | None = None,
    ):
        """F_in, F_I, F_P, each (B, m, H, W) -> (B, m, H, W); with `extra` (B, extra, H, W), that and extra gathered.

        context: (B, key_channels, H, W) to make keys of, where they are not made of F_I.
        """
        if self.rows == "output":
            pose = feature = self.conv_state(torch.cat([feature, pose], dim=1))  # (B, m, H, W)
        who, where = self.value_conv(identity), self.query_conv(pose)  # (B, m, H, W), (B, width, H, W)
        h = adain(feature, identity)  # (B, m, H, W)
        if self.rows != "identity":  # A = B: one attention over both
            what = self.key_conv(identity if context is None else context)  # (B, width, H, W)
            if self.rows == "output":
                where, what = (F.normalize(x.float(), dim=1) for x in (where, what))
            if self.watched:
                self.seen = where, what
            values = [who, h] if extra is None else [who, h, extra.to(who.dtype)]
            gathered = attend(where, what, torch.cat(values, dim=1), self.t)
            attended, seen, *carried = gathered.split([value.shape[1] for value in values], dim=1)
        else:
            attended = attend(self.query_conv(identity), self.key_conv(pose), who, self.t)
            seen = attend(where, self.key_conv(identity), h, self.t)
        f_a = (1 - self.beta) * identity + self.beta * attended  # (B, m, H, W)

        total = h.float().sum(dim=(2, 3), keepdim=True)  # (B, m, 1, 1)
        reverse = total - seen  # (B, m, H, W)
        f_ra = (1 - self.alpha) * reverse + self.alpha * h

        if extra is None:
            return self.conv_comp(torch.cat([f_a, f_ra], dim=1).to(feature.dtype))  # (B, m, H, W)
        return self.conv_comp(torch.cat([f_a, f_ra, *carried], dim=1).to(feature.dtype)), carried[0]
