"""Reverse attention whose queries are positions of the output."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture.reverse_attention import ReverseAttention
from capture.nn.attention import attend, attention_matrix
from capture.nn.blocks import SLOPE, ConvBlock, adain

COSINE_TEMPERATURE = 0.07  # where scores lie between -1 and 1


class AttentionOutput(NamedTuple):
    """What the attention makes, (B, m, H, W), and its unit queries and keys, (B, width, H, W)."""

    out: Tensor
    query: Tensor
    key: Tensor


class OutputQueryAttention(ReverseAttention):
    """Reverse attention with A = B, whose rows are positions of the output.

    What belongs to a position depends on the pose and on the identity, whose head may be larger than the pose's. So the
    decoder's state is first joined with what the pose shows there and with the identity's code:

        F = ConvBlock(lrelu(conv(concat(F_in, C_P)) + W code)),   h = AdaIN(F, F_I)
        A = B = softmax(cos(Q(F), K(C_I)) / t)

    C_P and C_I are levels of the feature pyramids of pose and identity. F_A and F_RA are as in ReverseAttention. The
    code enters here because instance norm takes away whatever is the same at every position.

    Args:
        channels: of F_in and F_I.  pyramid: of C_P and C_I.  code: width of the code.  width: of queries and keys.
        t: temperature, None for 0.07.
        detach: queries and keys learn from the attention loss alone, not from the losses of the picture.
    """

    rows = "output"

    def __init__(self, channels: int, pyramid: int, code: int, width: int, t: float | None, detach: bool):
        super().__init__(channels, COSINE_TEMPERATURE if t is None else t)
        self.detach = detach
        self.query_conv = nn.Conv2d(channels, width, 1)
        self.key_conv = nn.Conv2d(pyramid, width, 1)
        self.state_conv = nn.Conv2d(channels + pyramid, channels, 3, padding=1)
        self.code_linear = nn.Linear(code, channels)
        self.state_block = ConvBlock(channels, channels)

    # It shares the parameters and the formula of its base class, and has other inputs: neither replaces the other.
    def forward(  # type: ignore[override]
        self, feature: Tensor, identity: Tensor, identity_pyramid: Tensor, pose_pyramid: Tensor, code: Tensor
    ) -> AttentionOutput:
        """F_in, F_I (B, m, H, W), C_I, C_P (B, pyramid, H, W), code (B, code)."""
        state = self.state_conv(torch.cat([feature, pose_pyramid], dim=1)) + self.code_linear(code)[:, :, None, None]
        state = self.state_block(F.leaky_relu(state, SLOPE))  # (B, m, H, W)
        h = adain(state, identity)  # (B, m, H, W)
        query, key = (F.normalize(x.float(), dim=1) for x in (self.query_conv(state), self.key_conv(identity_pyramid)))
        q, k = (query.detach(), key.detach()) if self.detach else (query, key)
        values = torch.cat([self.value_conv(identity), h], dim=1)  # (B, 2m, H, W)
        a_v, b_h = attend(q, k, values, self.t).chunk(2, dim=1)  # (B, m, H, W) each
        return AttentionOutput(self.join(identity, a_v, h, b_h), query, key)

    def matrices(self, inputs: tuple[Tensor, ...], output: Any) -> tuple[Tensor, Tensor]:
        both = attention_matrix(output.query, output.key, self.t)  # (N, N)
        return both, both
