"""Functions whose float32 results are the same on every kind of processor.

PyTorch computes sines, powers and the like by other code for every instruction set, and the results differ in the last
bit. Sums, products and quotients do not, because IEEE 754 rounds them exactly. Square roots would not either, but
PyTorch takes them from Intel's MKL, which rounds some of them otherwise on other makers' processors. So the renderer
computes all but sums, products and quotients in float64 and rounds the result to float32: the last bit of a float64 is
worth 2^-29 of that of a float32, and practically never decides how it is rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _rounded(function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """`function` of the values in float64, in their own type."""
    return function(*(value.double() for value in values)).to(values[0].dtype)


def sqrt(x: Tensor) -> Tensor:
    """The square root."""
    return _rounded(torch.sqrt, x)


def sin(x: Tensor) -> Tensor:
    """The sine of radians."""
    return _rounded(torch.sin, x)


def cos(x: Tensor) -> Tensor:
    """The cosine of radians."""
    return _rounded(torch.cos, x)


def acos(x: Tensor) -> Tensor:
    """The angle of a cosine, in radians."""
    return _rounded(torch.acos, x)


def atan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle of a direction, in radians."""
    return _rounded(torch.atan2, y, x)


def power(x: Tensor, exponent: float) -> Tensor:
    """x to a power."""
    return _rounded(lambda value: value.pow(exponent), x)


def fourth(x: Tensor) -> Tensor:
    """x to the fourth power, by products alone."""
    square = x * x
    return square * square


def product_sum(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a + b c, rounded twice; `torch.addcmul` rounds once where a processor has fused multiply-add.

    The shape of b c must be that of the result.
    """
    return torch.mul(b, c).add_(a)
