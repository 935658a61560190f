"""Reverse attention that is asked by the picture that is being made."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.blocks import SLOPE, ConvBlock, adain

COSINE_T = 0.07  # temperature, where scores lie between -1 and 1


class Found(NamedTuple):
    """What an attention makes, (B, m, H, W), its queries and keys (B, width, H, W), and pixels as it gathers them."""

    out: Tensor
    query: Tensor
    key: Tensor
    pixels: Tensor | None


class OutputAttention(ReverseAttention):
    """Reverse attention (A = B) whose rows are positions of the output.

    What belongs to a position depends on the pose and on the identity, whose head may be larger than the pose's. So the
    decoder's state is first joined with what the pose shows there, and with the identity's code:

        F = ConvBlock(lrelu(conv(concat(F_in, C_P)) + W code)),   h = AdaIN(F, F_I)
        A = B = softmax(cos(Q(F), K(C_I)) / t)

    (The code that the decoder starts from doesn't reach this far: instance norm takes away what is the same at every
    position.) C_P and C_I are the contexts of pose and identity (feature_pyramid.py). F_A, F_RA and what becomes of
    them are as in ReverseAttention.

    Args:
        channels: of F_in and F_I.  context: of C_P and C_I.  code: width of the code.
        t: temperature, None for 0.07.  alpha, beta, width, extra: see ReverseAttention.
    """

    def __init__(
        self,
        channels: int,
        context: int,
        code: int,
        t: float | None = None,
        alpha: float = 1.0,
        beta: float = 1.0,
        width: int = 0,
        extra: int = 0,
    ):
        super().__init__(channels, COSINE_T if t is None else t, alpha, beta, "output", width, extra)
        self.key_conv = nn.Conv2d(context, self.query_conv.out_channels, 1)
        self.state_conv = nn.Conv2d(channels + context, channels, 3, padding=1)
        self.code_linear = nn.Linear(code, channels)
        self.state_block = ConvBlock(channels, channels)

    def forward(
        self,
        feature: Tensor,
        identity: Tensor,
        identity_context: Tensor,
        pose_context: Tensor,
        code: Tensor,
        pixels: Tensor | None = None,
    ) -> Found:
        """F_in, F_I (B, m, H, W), C_I, C_P (B, context, H, W), code (B, code), pixels (B, extra, H, W)."""
        state = self.state_conv(torch.cat([feature, pose_context], dim=1)) + self.code_linear(code)[:, :, None, None]
        state = self.state_block(F.leaky_relu(state, SLOPE))  # (B, m, H, W)
        h = adain(state, identity)  # (B, m, H, W)
        query, key = (F.normalize(x.float(), dim=1) for x in (self.query_conv(state), self.key_conv(identity_context)))
        values = [self.value_conv(identity), h]
        if pixels is not None:
            values.append(pixels.to(h.dtype))
        attended, seen, *carried = self.gather(query, key, *values)
        out = self.join(identity, attended, h, seen, *carried)
        return Found(out, query, key, carried[0] if carried else None)
