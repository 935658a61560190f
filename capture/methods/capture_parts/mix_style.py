"""MixStyle (Zhou et al., ICLR 2021): samples of a batch exchange statistics of their features, in training only.

The mean and the deviation of each channel over a picture say more about its style than about what it shows. A sample
whose statistics are mixed with another one's is a picture in a style that lies between the two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

MOST_PICTURES = 7  # of a sample: four of the identity, real, pose and target
CONCENTRATION = 0.1  # of the beta distribution that shares are drawn from: mostly near 0 or near 1


class StyleMixing(NamedTuple):
    """For each of N pictures: whose statistics are mixed in, and the share of its own."""

    partner: Tensor  # int64 (N,)
    own: Tensor  # (N,)


def draw_style_numbers(batch: int, share: float, rng: torch.Generator) -> Tensor:
    """What decides the mixing of an update, a row for each sample: (batch, 2 MOST_PICTURES).

    Args:
        share: of the updates that mix at all; in the others every share of its own is 1.
    """
    numbers = np.random.default_rng(int(torch.randint(2**31 - 1, (), generator=rng)))
    mixes = numbers.random() < share
    order = numbers.random((batch, MOST_PICTURES))
    own = numbers.beta(CONCENTRATION, CONCENTRATION, (batch, MOST_PICTURES)) if mixes else np.ones_like(order)
    return torch.from_numpy(np.concatenate([order, own], axis=1)).float()


def style_mixing(numbers: Tensor, pictures: int) -> StyleMixing:
    """The mixing of samples with so many pictures each, all first pictures before all second ones.

    Args:
        numbers: (B, 2 MOST_PICTURES), as they were drawn.
    """
    order, own = (x[:, :pictures].T.flatten() for x in numbers.chunk(2, dim=1))
    return StyleMixing(order.argsort(), own)


def mix_style(x: Tensor, mixing: StyleMixing) -> Tensor:
    """Features (N, C, H, W) with mixed statistics, through which no gradient goes."""
    exact = x.float()
    with torch.no_grad():
        var, mean = torch.var_mean(exact, dim=(2, 3), correction=0, keepdim=True)
        std = (var + 1e-6).sqrt()
        own = mixing.own.to(x.device)[:, None, None, None]
        mixed_mean, mixed_std = (own * s + (1 - own) * s[mixing.partner] for s in (mean, std))
    return ((exact - mean) / std * mixed_std + mixed_mean).to(x.dtype)
