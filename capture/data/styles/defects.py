"""What happens to a finished picture: blur, resampling, noise, JPEG, and a random convolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from capture.data.styles.noise import blur, white_noise


@dataclass(frozen=True)
class Defects:
    """Attributes:
    blur: standard deviation of a Gaussian, for pictures of 128 pixels.
    resampled: the picture is made this factor smaller and enlarged again; 1 leaves it.
    noise: standard deviation.
    jpeg: quality 1 to 95; 0 for none.
    random_convolution: share of a random 3 x 3 convolution (RandConv, Xu et al., ICLR 2021).
    """

    blur: float = 0.0
    resampled: float = 1.0
    noise: float = 0.0
    jpeg: int = 0
    random_convolution: float = 0.0


NO_DEFECTS = Defects()


def draw_defects(rng: np.random.Generator, share: float = 0.4) -> Defects:
    """None with probability 1 - share, else one or two."""
    if rng.random() >= share:
        return NO_DEFECTS
    return Defects(
        float(rng.uniform(0.3, 1.0)) if rng.random() < 0.3 else 0.0,
        float(rng.uniform(0.5, 0.95)) if rng.random() < 0.3 else 1.0,
        float(rng.uniform(0.005, 0.04)) if rng.random() < 0.3 else 0.0,
        int(rng.integers(25, 95)) if rng.random() < 0.5 else 0,
    )


def apply_defects(pictures: Tensor, defects: Defects, seed: int, of: Tensor | None = None) -> Tensor:
    """(N, 3, S, S) in [0, 1] -> the same.

    Args:
        of: the pictures that the random convolution is normalised for; None: these. For the grounds of pictures, the
            pictures, so that both change alike.
    """
    if defects == NO_DEFECTS:
        return pictures
    x, size = pictures, pictures.shape[-1]
    if defects.random_convolution:
        x = _random_convolution(x, defects.random_convolution, seed, pictures if of is None else of)
    if defects.resampled < 1:
        small = max(int(size * defects.resampled), 8)
        x = F.interpolate(x, size=(small, small), mode="bilinear", antialias=True)
        x = F.interpolate(x, size=(size, size), mode="bilinear")
    x = blur(x, defects.blur * size / 128)
    if defects.noise:
        x = x + defects.noise * white_noise((3, size, size), seed + 2, x.device)
    if defects.jpeg:
        x = jpeg(x.clamp(0, 1), defects.jpeg)
    return x.clamp(0, 1)


def _random_convolution(pictures: Tensor, share: float, seed: int, of: Tensor) -> Tensor:
    """Mix in a convolution with random weights, brought to the mean and deviation of each channel of `of`."""
    weight = white_noise((3, 3, 3, 3), seed + 3, pictures.device) / 27**0.5
    made, whole = (F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight) for x in (pictures, of))
    mean, std = whole.mean((0, 2, 3), keepdim=True), whole.std((0, 2, 3), keepdim=True)
    own_mean, own_std = of.mean((0, 2, 3), keepdim=True), of.std((0, 2, 3), keepdim=True)
    made = (made - mean) / std.clamp(min=1e-3) * own_std + own_mean
    return ((1 - share) * pictures + share * made).clamp(0, 1)


_LUMINANCE = (  # the quantisation table that Annex K of the JPEG standard gives as an example
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99,) * 8,) * 4,
)  # fmt: skip


def jpeg(pictures: Tensor, quality: int) -> Tensor:
    """The loss of JPEG without the file: the discrete cosine transform of 8 x 8 blocks, quantised by the tables of the
    standard. Chrominance is not subsampled. Sides that are no multiple of 8 stay as they are."""
    size = pictures.shape[-1]
    if size % 8:
        return pictures
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    device = pictures.device
    tables = torch.tensor((_LUMINANCE, _CHROMINANCE, _CHROMINANCE), dtype=torch.float32, device=device)
    tables = ((tables * scale + 50) / 100).floor().clamp(1, 255)
    k = torch.arange(8, device=device, dtype=torch.float32)
    dct = torch.cos((2 * k[None] + 1) * k[:, None] * (torch.pi / 16)) * 0.5
    dct[0] *= 0.5**0.5
    r, g, b = pictures.unbind(1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    channels = torch.stack((y - 0.5, (b - y) * 0.564, (r - y) * 0.713), 1) * 255
    blocks = channels.unflatten(2, (-1, 8)).unflatten(4, (-1, 8)).transpose(3, 4)  # (N, 3, S/8, S/8, 8, 8)
    frequencies = (dct @ blocks @ dct.T) / tables[:, None, None]
    blocks = dct.T @ (frequencies.round() * tables[:, None, None]) @ dct
    y, cb, cr = (blocks.transpose(3, 4).reshape(pictures.shape) / 255).unbind(1)
    y = y + 0.5
    r, b = y + cr / 0.713, y + cb / 0.564
    g = (y - 0.299 * r - 0.114 * b) / 0.587
    return torch.stack((r, g, b), 1)
