"""The Fréchet distance between two sets of features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEWEST = 2  # samples that have a covariance
ENOUGH = 2048  # samples; with fewer, FID is biased upwards


class _FeaturesAreGiven(nn.Module):
    """Takes the place of torchmetrics' feature extractor, because the features are computed already."""

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

    # this process has all features, so torchmetrics must not wait for others
    metric = FrechetInceptionDistance(feature=_FeaturesAreGiven(real.shape[1]), sync_on_compute=False)
    metric.update(real.double().cpu(), real=True)
    metric.update(fake.double().cpu(), real=False)
    return max(0.0, metric.compute().item())  # rounding can leave -1e-6 where the sets are the same
