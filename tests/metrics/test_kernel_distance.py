"""The kernel distance against torchmetrics, against its sum written out, and on sets whose distance is known."""

import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from capture.metrics.kernel_distance import kernel_distance


def features(n: int, shift: float = 0.0, seed: int = 0) -> torch.Tensor:
    return shift + torch.randn(n, 12, generator=torch.Generator().manual_seed(seed))


class TestKernelDistance:
    def test_unpaired_distance_is_that_of_torchmetrics(self) -> None:
        a, b = features(40), features(40, 0.4, 1)
        assert kernel_distance(a, b) == pytest.approx(poly_mmd(a.double(), b.double()).item(), abs=1e-9)

    def test_paired_distance_leaves_out_terms_of_the_same_pair(self) -> None:
        a, b = features(7).double(), features(7, 0.3, 1).double()

        def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
            return ((x @ y).item() / 12 + 1) ** 3

        terms = [
            kernel(a[i], a[j]) + kernel(b[i], b[j]) - kernel(a[i], b[j]) - kernel(a[j], b[i])
            for i in range(7)
            for j in range(7)
            if i != j
        ]
        assert kernel_distance(a, b, paired=True) == pytest.approx(sum(terms) / len(terms), abs=1e-9)

    def test_the_same_pictures_are_0_apart_and_only_paired(self) -> None:
        a = features(30)
        assert kernel_distance(a, a, paired=True) == pytest.approx(0, abs=1e-12)
        assert kernel_distance(a, a) < -0.1

    def test_distance_grows_with_the_shift(self) -> None:
        distances = [kernel_distance(features(200), features(200, shift, 1)) for shift in (0.0, 0.5, 1.0)]
        assert abs(distances[0]) < 0.1 < distances[1] < distances[2]

    @pytest.mark.parametrize(
        ("real", "fake", "paired", "match"),
        [
            (features(1), features(5), False, "at least 2"),
            (features(5), features(5)[:, :3], False, "expected two"),
            (features(5), features(5) * torch.nan, False, "NaN"),
            (features(5), features(6), True, "one size"),
        ],
    )
    def test_sets_that_have_no_distance(self, real, fake, paired, match) -> None:
        with pytest.raises(ValueError, match=match):
            kernel_distance(real, fake, paired)
