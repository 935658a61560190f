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
    x, y = (torch.where(length > 0, v / torch.where(length > 0, length, 1.0), start) for v, start in ((x, 1.0), (y, 0)))
    norm = (a.square() + b.square()).sqrt()
    safe = torch.where(norm > 0, norm, 1.0)
    f, g, h = norm, b.abs() * (a + c) / safe, (a * c - b.square()).abs() / safe
    upwards = (b < 0) | (h > f)
    turn = torch.where(upwards == (y >= 0), 1.0, -1.0)
    x, y = x * turn, y * turn
    second_x, second_y = y, -x  # a reflection: (x, y; y, -x)
    sorted_columns = (h > f) & (g <= SPLIT * torch.minimum(f, h * f / (f + g + (f == 0))) / 2**0.5)
    second_x, second_y = (torch.where(sorted_columns, v, w) for v, w in ((-y, second_x), (x, second_y)))
    plain = b == 0
    x, y = torch.where(plain, x.abs(), x), torch.where(plain, y.abs(), y)
    second_x, second_y = torch.where(plain, y, second_x), torch.where(plain, x, second_y)
    axes = torch.stack([x, second_x, y, second_y], dim=-1).unflatten(-1, (2, 2)).to(matrix.dtype)  # (..., 2, 2)
    return axes, values.to(matrix.dtype), axes.mT


def _linalg_svd(
    matrix: Tensor, full_matrices: bool = False, compute_uv: bool = True, driver: str | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """In the place of torch's operator of that name, whose arguments it takes."""
    if matrix.shape[-2:] != (2, 2):
        raise NotImplementedError(f"only matrices 2x2 are decomposed in a graph, not {tuple(matrix.shape[-2:])}")
    return svd_of_covariances(matrix)


# torch's operator -> what stands in its place in a graph; the type is that of torch.export's run_decompositions
DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {torch.ops.aten._linalg_svd.default: _linalg_svd}
