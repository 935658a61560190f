"""Scaled dot-product attention over the positions of feature maps."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALL = 1024  # positions; up to so many, computing the N x N matrix on a CPU is faster than kernels that avoid it


def attend(query: Tensor, key: Tensor, value: Tensor, t: float) -> Tensor:
    """softmax(query^T key / t) applied to value, over all positions. A large N x N matrix is never stored.

    Args:
        query, key: (B, d, H, W).  value: (B, C, H, W).  t: the temperature.
    Returns:
        (B, C, H, W): at each query position the weighted mean of the values.
    """
    b, c, h, w = value.shape
    if h * w <= SMALL and value.device.type == "cpu":
        q, k, v = (x.flatten(2).transpose(1, 2).to(value.dtype) for x in (query, key, value))  # (B, N, d | C)
        with torch.autocast("cpu", enabled=False):
            out = torch.bmm(torch.softmax(torch.bmm(q / t, k.transpose(1, 2)), dim=-1), v)  # (B, N, C)
        return out.transpose(1, 2).reshape(b, c, h, w)
    # The memory-saving kernels need contiguous tensors; channels_last maps become contiguous without a copy.
    q, k, v = (x.to(value.dtype).flatten(2).transpose(1, 2).unsqueeze(1).contiguous() for x in (query, key, value))
    # (B, 1, N, d | C); autocast on a GPU does not change the types of this product
    if q.shape[-1] < c:  # the kernels need the same width for all; zeros do not change the products
        q, k = (F.pad(x, (0, c - x.shape[-1])) for x in (q, k))
    out = F.scaled_dot_product_attention(q, k, v, scale=1.0 / t)  # (B, 1, N, C)
    return out.squeeze(1).transpose(1, 2).reshape(b, c, h, w)


def attention_matrix(query: Tensor, key: Tensor, t: float) -> Tensor:
    """softmax(query^T key / t) of one sample, (1, d, H, W) twice -> (N, N), a row for each query position."""
    q, k = query.float().flatten(2)[0], key.float().flatten(2)[0]
    return F.softmax(q.T @ k / t, dim=1)


class VisibleAttention(nn.Module):
    """An attention module whose matrices can be drawn (capture.inference.attention_maps).

    Attributes:
        rows: the picture whose positions are the rows of A: identity, pose or output.
    """

    rows: str

    def matrices(self, inputs: tuple[Tensor, ...], output: Any) -> tuple[Tensor, Tensor]:
        """A and B, (N, N) each, of one sample.

        Args:
            inputs, output: the arguments of `forward` and what it returned.
        """
        raise NotImplementedError
