"""The Fréchet distance between two sets of features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEWEST, ENOUGH = 2, 2048  # samples: below the first there is no covariance, below the second FID is biased upwards


class _AsTheyAre(nn.Module):
    """Stands where torchmetrics expects a feature extractor: ours have run already."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """|mu1 - mu2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)) of the Gaussians fitted to two sets, by torchmetrics, in float64.

    Covariances are unbiased (n - 1). Heusel et al. 2017, equation 6.

    Args:
        real, fake: (N, D) and (M, D).
    Returns:
        0 or more.
    Raises:
        ValueError: fewer than 2 samples, features of different widths, or NaN among them.
    """
    for features in (real, fake):
        if features.ndim != 2 or features.shape[1] != real.shape[1]:
            raise ValueError(f"expected two (N, D) sets of features, found {tuple(real.shape)} and {tuple(fake.shape)}")
        if len(features) < FEWEST:
            raise ValueError(f"a Fréchet distance needs at least {FEWEST} samples, found {len(features)}")
        if not torch.isfinite(features).all():
            raise ValueError("NaN or infinity among the features")
    from torchmetrics.image.fid import FrechetInceptionDistance

    # one process has all the features here, so torchmetrics has nobody to wait for
    metric = FrechetInceptionDistance(feature=_AsTheyAre(real.shape[1]), sync_on_compute=False)
    metric.update(real.double().cpu(), real=True)
    metric.update(fake.double().cpu(), real=False)
    return max(0.0, metric.compute().item())  # rounding can leave -1e-6 where the sets are the same
