"""The kernel distance between two sets of features: KID (Binkowski et al. 2018), on whichever features are given."""

from __future__ import annotations

import torch
from torch import Tensor

FEWEST = 2


def kernel_distance(real: Tensor, fake: Tensor, paired: bool = False) -> float:
    """The unbiased squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, over all samples at once.

    Binkowski et al. 2018, section 4, without their subsets: with as few samples as a test set has, one estimate over
    all of them varies least. An unbiased estimate may be below 0 where the distributions are nearly the same.

    Args:
        real, fake: (N, D) and (M, D).
        paired: fake[i] was made to be like real[i]. Then the two sets are not independent and the usual estimate is too
            low, so terms of the same pair are left out of the cross term as well (Gretton et al. 2012, equation 3).
    Returns:
        Exactly 0 where paired sets are the same.
    Raises:
        ValueError: fewer than 2 samples, features of different widths, NaN among them, or paired sets of two sizes.
    """
    for features in (real, fake):
        if features.ndim != 2 or features.shape[1] != real.shape[1]:
            raise ValueError(f"expected two (N, D) sets of features, found {tuple(real.shape)} and {tuple(fake.shape)}")
        if len(features) < FEWEST:
            raise ValueError(f"a kernel distance needs at least {FEWEST} samples, found {len(features)}")
        if not torch.isfinite(features).all():
            raise ValueError("NaN or infinity among the features")
    if paired and len(real) != len(fake):
        raise ValueError(f"paired sets have one size, found {len(real)} and {len(fake)}")
    real, fake = real.double().cpu(), fake.double().cpu()
    across = _kernel(real, fake)
    cross = _mean_off_diagonal(across) if paired else across.mean()
    return float(_mean_off_diagonal(_kernel(real, real)) + _mean_off_diagonal(_kernel(fake, fake)) - 2 * cross)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _mean_off_diagonal(kernel: Tensor) -> Tensor:
    n = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
