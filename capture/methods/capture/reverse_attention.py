"""The reverse-attention module of CaPTURe (An and Choi, Neurocomputing 2023)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.nn.blocks import ConvBlock, adain
from capture.nn.recompute import Recomputable

SMALL = 1024  # positions up to which the N x N matrix is cheaper than the kernels that avoid it


def attend(query: Tensor, key: Tensor, value: Tensor, t: float) -> Tensor:
    """softmax(query^T key / t) applied to value, over all positions; without an N x N matrix where that is large.

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
    q, k, v = (x.to(value.dtype).flatten(2).transpose(1, 2).unsqueeze(1).contiguous() for x in (query, key, value))
    # (B, 1, N, d | C); a GPU's autocast leaves this product's types as they are
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
        rows: identity (as published) | pose; see OutputAttention for "output".
        width: of queries and keys, 0 for m / 8 as published.
        extra: channels that `join` takes beside F_A and F_RA.
    Attributes:
        watched: keep query and key (B, width, H, W) of the last forward in `seen` (but not with rows = "identity"), for
            a loss of their own; that of the picture then doesn't move them.
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
    ):
        super().__init__()
        self.rows = rows
        self.watched, self.seen = False, None
        width = width or max(channels // 8, 1)
        self.t = math.sqrt(width) if t is None else float(t)
        self.alpha = nn.Parameter(torch.full((1,), float(alpha)))  # a
        self.beta = nn.Parameter(torch.full((1,), float(beta)))  # b
        self.query_conv = nn.Conv2d(channels, width, 1)  # Q
        self.key_conv = nn.Conv2d(channels, width, 1)  # K
        self.value_conv = nn.Conv2d(channels, channels, 1)  # V
        self.conv_comp = ConvBlock(2 * channels + extra, channels)

    def forward(self, feature: Tensor, identity: Tensor, pose: Tensor) -> Tensor:
        """F_in, F_I, F_P, each (B, m, H, W) -> (B, m, H, W)."""
        h = adain(feature, identity)  # (B, m, H, W)
        value, query, key = self.value_conv(identity), self.query_conv(pose), self.key_conv(identity)
        if self.rows == "pose":  # A = B: one attention over both
            attended, seen = self.gather(query, key, value, h)
        else:
            attended = attend(self.query_conv(identity), self.key_conv(pose), value, self.t)
            (seen,) = self.gather(query, key, h)
        return self.join(identity, attended, h, seen)

    def gather(self, query: Tensor, key: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        """Each of `values`, (B, C, H, W), as the positions of `query` gather it from those of `key`."""
        if self.watched:  # taught where surfaces lie, which the noise of the pictures' losses would drown
            self.seen = query, key
            query, key = query.detach(), key.detach()
        together = attend(query, key, torch.cat(values, dim=1), self.t)
        return together.split([value.shape[1] for value in values], dim=1)

    def join(self, identity: Tensor, attended: Tensor, h: Tensor, seen: Tensor, *extra: Tensor) -> Tensor:
        """F_I, A V(F_I), h and B h, each (B, m, H, W) -> ConvBlock(concat(F_A, F_RA, *extra)), (B, m, H, W)."""
        f_a = (1 - self.beta) * identity + self.beta * attended  # (B, m, H, W)
        total = h.float().sum(dim=(2, 3), keepdim=True)  # (B, m, 1, 1)
        reverse = total - seen  # (B, m, H, W)
        f_ra = (1 - self.alpha) * reverse + self.alpha * h
        return self.conv_comp(torch.cat([f_a, f_ra, *extra], dim=1).to(h.dtype))
