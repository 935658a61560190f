"""L1 and SSIM between pictures and their targets, over the whole picture or over the foreground.

Pictures are float (B, 3, H, W) in [0, 1]. Every function returns a number for each picture; the caller averages them.
"""

from __future__ import annotations

import torch
from torch import Tensor

SIGMA, K1, K2 = 1.5, 0.01, 0.03  # Wang et al. 2004


def l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of each picture.

    Args:
        a, b: float (B, 3, H, W) in [0, 1]. The paper's L1 is taken to be on this scale; on [-1, 1] it doubles.
    Returns:
        (B,) in [0, 1].
    Raises:
        ValueError: shapes that differ.
    """
    _same_shape(a, b)
    return (a - b).abs().flatten(1).mean(1)


def ssim(a: Tensor, b: Tensor, sigma: float = SIGMA) -> Tensor:
    """Structural similarity of each picture (Wang et al. 2004).

    Gaussian window (11x11 at sigma 1.5), K1 0.01, K2 0.03, data range 1, each colour channel by itself, averaged over
    the channels and over the positions where the whole window lies inside the picture. That is scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1)`.

    Args:
        a, b: float (B, 3, H, W) in [0, 1], H and W at least the window.  sigma: of the window, in pixels.
    Returns:
        (B,) up to 1, for equal pictures.
    Raises:
        ValueError: shapes that differ, or a picture smaller than the window.
    """
    return ssim_map(a, b, sigma).flatten(1).mean(1)


def foreground_l1(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """`l1` over the pixels of `mask`, bool (B, 1, H, W). Returns (B,), NaN where a mask is empty."""
    _same_shape(a, b)
    return _masked_mean((a - b).abs(), mask)


def foreground_ssim(a: Tensor, b: Tensor, mask: Tensor, sigma: float = SIGMA) -> Tensor:
    """`ssim` over the windows centred on a pixel of `mask`, bool (B, 1, H, W). Returns (B,), NaN without any."""
    edge = window_size(sigma) // 2
    inside = mask[..., edge : mask.shape[-2] - edge, edge : mask.shape[-1] - edge]
    return _masked_mean(ssim_map(a, b, sigma), inside)


def ssim_map(a: Tensor, b: Tensor, sigma: float = SIGMA) -> Tensor:
    """SSIM where the whole window fits into the picture: (B, 3, H - w + 1, W - w + 1) for a window of side w.

    Positions whose window reaches over the border are left out, as in scikit-image and in the code of SSIM's authors.
    float32 pictures are computed in float64 as well, since variances are small differences of large numbers. A Gaussian
    window is two passes, of a matrix product each: a convolution in float64 takes some hundred times as long on a CPU.
    """
    _same_shape(a, b)
    window = window_size(sigma)
    if min(a.shape[-2:]) < window:
        raise ValueError(f"SSIM looks through a {window}-pixel window; {a.shape[-1]}x{a.shape[-2]} is too small")
    dtype, wide = a.dtype, torch.float32 if a.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
    a, b = a.to(wide), b.to(wide)
    down, across = (_window_matrix(side, sigma).to(a) for side in a.shape[-2:])
    mean_a, mean_b, square_a, square_b, product = down @ torch.stack((a, b, a * a, b * b, a * b)) @ across.T
    luminance = (2 * mean_a * mean_b + K1**2) / (mean_a**2 + mean_b**2 + K1**2)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    structure = (2 * (product - mean_a * mean_b) + K2**2) / (variances + K2**2)
    return (luminance * structure).to(dtype)


def window_size(sigma: float = SIGMA) -> int:
    """Side of the Gaussian window in pixels: cut off at 3.5 sigma, as torchmetrics and scikit-image do."""
    return 2 * int(3.5 * sigma + 0.5) + 1


def _window_matrix(side: int, sigma: float) -> Tensor:
    """float64 (side - w + 1, side): row i has the Gaussian window over the pixels from i on, which sums to 1."""
    window = window_size(sigma)
    weights = torch.exp(-((torch.arange(window, dtype=torch.float64) - window // 2) ** 2) / (2 * sigma**2))
    first = torch.arange(side - window + 1)[:, None]
    matrix = torch.zeros(len(first), side, dtype=torch.float64)
    return matrix.scatter_(1, first + torch.arange(window), (weights / weights.sum()).expand(len(first), window))


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    mask = mask.to(values.dtype)
    return (values * mask).flatten(1).sum(1) / (mask.flatten(1).sum(1) * values.shape[1])  # 0 / 0 is NaN


def _same_shape(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(f"pictures of different sizes: {tuple(a.shape)} and {tuple(b.shape)}")
