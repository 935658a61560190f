"""The Fréchet distance against closed forms and SciPy."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from capture.metrics.frechet import frechet_distance


def with_moments(n: int, mean: np.ndarray, covariance: np.ndarray, seed: int) -> torch.Tensor:
    """n samples whose sample mean and unbiased covariance are exactly these."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(0)
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(x.T)))
    return torch.from_numpy(x @ whiten.T @ np.linalg.cholesky(covariance).T + mean)


def fewer_samples_than(dims: int, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(dims)
    scale = rng.uniform(0, 1, dims)
    return rng.random((n, dims)) * scale, rng.random((m, dims)) * scale[::-1] + 0.05


class TestFrechetDistance:
    def test_gaussians_whose_covariances_commute(self) -> None:
        """|m1 - m2|^2 + sum (sqrt l1 - sqrt l2)^2 over the shared axes."""
        rng = np.random.default_rng(0)
        axes, _ = np.linalg.qr(rng.normal(size=(16, 16)))
        l1, l2 = rng.uniform(0.1, 4, 16), rng.uniform(0.1, 4, 16)
        m1, m2 = rng.normal(size=16), rng.normal(size=16)
        a = with_moments(400, m1, axes * l1 @ axes.T, 1)
        b = with_moments(300, m2, axes * l2 @ axes.T, 2)
        expected = ((m1 - m2) ** 2).sum() + ((np.sqrt(l1) - np.sqrt(l2)) ** 2).sum()
        assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)

    def test_two_dimensions_that_do_not_commute(self) -> None:
        """tr sqrt(S1 S2) of 2x2 matrices is sqrt(tr S1 S2 + 2 sqrt(det S1 S2))."""
        s1, s2 = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[0.5, -0.3], [-0.3, 3.0]])
        a, b = with_moments(100, np.zeros(2), s1, 3), with_moments(100, np.array([3.0, 4.0]), s2, 4)
        product = s1 @ s2
        root = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
        assert frechet_distance(a, b) == pytest.approx(25 + np.trace(s1) + np.trace(s2) - 2 * root, rel=1e-6)

    def test_singular_covariances_against_scipys_square_root(self) -> None:
        a, b = fewer_samples_than(256, 60, 50)
        s1, s2 = np.cov(a.T), np.cov(b.T)
        root = np.trace(scipy.linalg.sqrtm(s1 @ s2)).real
        expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * root
        assert frechet_distance(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(expected, rel=1e-5)

    def test_many_dimensions_and_fewer_samples_against_scipy(self) -> None:
        """As FID is on a small test set. A general square root takes SciPy long here; two forms of its trace don't:

        the eigenvalues of R S2 R with R = S1^(1/2) symmetric, and the singular values of A B', S1 = A'A and S2 = B'B.
        """
        a, b = fewer_samples_than(768, 90, 70)
        distance = frechet_distance(torch.from_numpy(a), torch.from_numpy(b))
        means = ((a.mean(0) - b.mean(0)) ** 2).sum()
        s1, s2 = np.cov(a.T), np.cov(b.T)
        values, vectors = scipy.linalg.eigh(s1, subset_by_index=[768 - 90, 767])  # the others are 0
        half = vectors * np.sqrt(values.clip(0))
        root = np.sqrt(scipy.linalg.eigvalsh(half.T @ s2 @ half).clip(0)).sum()
        assert distance == pytest.approx(means + np.trace(s1) + np.trace(s2) - 2 * root, rel=1e-6)
        x, y = (a - a.mean(0)) / math.sqrt(89), (b - b.mean(0)) / math.sqrt(69)
        nuclear = scipy.linalg.svdvals(x @ y.T).sum()
        assert distance == pytest.approx(means + (x**2).sum() + (y**2).sum() - 2 * nuclear, rel=1e-6)

    def test_identical_sets_are_at_zero_in_any_order(self) -> None:
        features = torch.rand(50, 64, generator=torch.Generator().manual_seed(6))
        assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
        assert frechet_distance(features, features.flip(0)) == pytest.approx(0, abs=1e-6)

    def test_distance_of_a_shifted_set(self) -> None:
        features = torch.rand(40, 8, generator=torch.Generator().manual_seed(7)).double()
        assert frechet_distance(features, features + 2) == pytest.approx(8 * 4)

    def test_distance_is_symmetric_and_ignores_the_order(self) -> None:
        random = torch.Generator().manual_seed(8)
        a, b = torch.rand(60, 32, generator=random), torch.rand(45, 32, generator=random) ** 2
        shuffled = a[torch.randperm(60, generator=random)]
        assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
        assert frechet_distance(a, b) == pytest.approx(frechet_distance(shuffled, b), rel=1e-9)

    @pytest.mark.parametrize(
        ("real", "fake", "match"),
        [
            (torch.rand(1, 4), torch.rand(5, 4), "at least 2 samples, found 1"),
            (torch.rand(5, 4), torch.rand(5, 3), "sets of features"),
            (torch.rand(5, 4), torch.full((5, 4), torch.nan), "NaN"),
        ],
    )
    def test_features_without_a_distance_are_refused(self, real: torch.Tensor, fake: torch.Tensor, match: str) -> None:
        with pytest.raises(ValueError, match=match):
            frechet_distance(real, fake)
