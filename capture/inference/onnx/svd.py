"""The singular value decomposition of covariances 2x2 in closed form, for graphs: ONNX has no such operator.

MRAA measures the axes of its regions by it. Their signs are arbitrary, and what follows was trained with those that
LAPACK gives, so the closed form has the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SPLIT = 10 * 2.0**-24  # of LAPACK in float32: times the smallest diagonal entry, the off-diagonal that counts as zero


def svd_of_covariances(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V^T of symmetric matrices (..., 2, 2) without negative eigenvalues, as torch.linalg.svd returns them.

    With the matrix (a, b; b, c), LAPACK reflects the first column onto the first axis, which gives a triangular matrix
    (f, g; 0, h), and decomposes that (routines gebrd, bdsqr and lasv2). It follows from these routines that U is a
    reflection whose lower left entry is negative where b > 0 and |h| <= |f|, and positive elsewhere. Where g counts as
    zero, U is the first reflection with sorted columns; where b is zero, nothing is reflected.
    """
    a, b, c = (matrix[..., i, j].double() for i, j in ((0, 0), (0, 1), (1, 1)))
    half, mean = (a - c) / 2, (a + c) / 2
    apart = (half.square() + b.square()).sqrt()
    values = torch.stack([mean + apart, (mean - apart).clamp_min(0)], dim=-1)  # (..., 2)
    # the first axis, by the formula that does not subtract numbers of about the same size
    along = half >= 0
    x, y = torch.where(along, apart + half, b), torch.where(along, b, apart - half)
    length = (x.square() + y.square()).sqrt()
    safe_length = torch.where(length > 0, length, 1.0)
    x, y = torch.where(length > 0, x / safe_length, 1.0), y / safe_length
    norm = (a.square() + b.square()).sqrt()
    safe = torch.where(norm > 0, norm, 1.0)
    f, g, h = norm, b.abs() * (a + c) / safe, (a * c - b.square()).abs() / safe
    upwards = (b < 0) | (h > f)
    turn = (upwards == (y >= 0)).double() * 2 - 1
    x, y = x * turn, y * turn
    second_x, second_y = y, -x  # a reflection: (x, y; y, -x)
    sorted_columns = (h > f) & (g <= SPLIT * torch.minimum(f, h * f / (safe + g)) / 2**0.5)
    second_x, second_y = (torch.where(sorted_columns, v, w) for v, w in ((-y, second_x), (x, second_y)))
    plain = b == 0
    x, y = torch.where(plain, x.abs(), x), torch.where(plain, y.abs(), y)
    second_x, second_y = torch.where(plain, y, second_x), torch.where(plain, x, second_y)
    axes = torch.stack([x, second_x, y, second_y], dim=-1).unflatten(-1, (2, 2)).to(matrix.dtype)  # (..., 2, 2)
    return axes, values.to(matrix.dtype), axes.mT


def _linalg_svd(matrix: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor, Tensor]:
    """In the place of torch's operators of that name, whose other arguments make no difference for square matrices."""
    if matrix.shape[-2:] != (2, 2):
        raise NotImplementedError(f"only matrices 2x2 are decomposed in a graph, not {tuple(matrix.shape[-2:])}")
    return svd_of_covariances(matrix)


# torch's operators -> what stands in their place in a graph, as torch.export's run_decompositions takes it. The first
# is what torch.linalg.svd calls, and the second is what torch makes of the first.
DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.linalg_svd.default: _linalg_svd,
    torch.ops.aten._linalg_svd.default: _linalg_svd,
}
