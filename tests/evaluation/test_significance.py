"""Intervals and paired tests against scipy, against exact enumeration, and on cases whose answer is known."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from capture.evaluation.significance import BEST, TIED, bootstrap_intervals, judge, paired_permutation_test


def draws(n: int, k: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestBootstrapIntervals:
    def test_intervals_are_those_of_scipy(self) -> None:
        values = draws(60, 3) ** 2
        ours = bootstrap_intervals(values, resamples=8000)
        for column, (low, high) in zip(values.T.numpy(), ours.tolist()):
            theirs = stats.bootstrap(
                (column,), np.mean, n_resamples=8000, method="percentile", rng=np.random.default_rng(1)
            ).confidence_interval
            wide = theirs.high - theirs.low
            assert low == pytest.approx(theirs.low, abs=0.06 * wide) and high == pytest.approx(
                theirs.high, abs=0.06 * wide
            )

    def test_intervals_are_the_same_for_the_same_seed_and_any_company(self) -> None:
        values = draws(30, 2)
        assert torch.equal(bootstrap_intervals(values), bootstrap_intervals(values))
        alone, together = bootstrap_intervals(values[:, :1])[0], bootstrap_intervals(values)[0]
        torch.testing.assert_close(alone, together, atol=1e-12, rtol=0)
        assert not torch.equal(bootstrap_intervals(values, seed=1), bootstrap_intervals(values))

    def test_large_sets_are_resampled_in_pieces(self, monkeypatch) -> None:
        values = draws(50, 2)
        whole = bootstrap_intervals(values, resamples=300)
        monkeypatch.setattr("capture.evaluation.significance._CELLS", 1000)
        torch.testing.assert_close(bootstrap_intervals(values, resamples=300), whole, atol=1e-12, rtol=0)

    def test_pairs_without_a_number_do_not_count(self) -> None:
        values = draws(40, 1)
        holes = torch.cat([values, torch.full((40, 1), torch.nan, dtype=torch.float64)])
        (low, high), (whole_low, whole_high) = bootstrap_intervals(holes)[0], bootstrap_intervals(values)[0]
        assert low < values.mean() < high
        assert (high - low).item() == pytest.approx((whole_high - whole_low).item(), rel=0.2)
        assert bootstrap_intervals(torch.full((5, 1), torch.nan, dtype=torch.float64)).isnan().all()


class TestPairedPermutationTest:
    def test_p_values_are_those_of_all_sign_flips(self) -> None:
        differences = torch.randn(9, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        differences[:, 1] += 0.8
        flips = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=9)), dtype=torch.float64)
        exact = ((flips @ differences).abs() >= differences.sum(0).abs() - 1e-12).double().mean(0)
        ours = paired_permutation_test(differences, resamples=20_000)
        assert ours.tolist() == pytest.approx(exact.tolist(), abs=0.01)
        theirs = stats.permutation_test(
            (differences[:, 1].numpy(), np.zeros(9)),
            lambda a, b: np.mean(a - b),
            permutation_type="samples",
            n_resamples=np.inf,
        )
        assert ours[1].item() == pytest.approx(theirs.pvalue, abs=0.01)

    def test_equal_methods_have_p_1_and_a_certain_difference_the_smallest_p(self) -> None:
        differences = torch.stack([torch.zeros(40), torch.full((40,), 0.01)], 1).double()
        assert paired_permutation_test(differences, resamples=999).tolist() == [1.0, 1 / 1000]

    def test_level_of_the_test_under_equality(self) -> None:
        """Of 400 comparisons of equal methods, about 5 % are found to differ."""
        differences = torch.randn(30, 400, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        share = (paired_permutation_test(differences, resamples=2000) < 0.05).double().mean()
        assert 0.02 < share < 0.09


class TestJudge:
    def test_only_a_leader_that_beats_every_row_is_best(self) -> None:
        base, noise = draws(80, 1), 0.001 * draws(80, 1, 1)
        lpips = [base + 0.2, base + noise - noise.mean(), base]  # the second and the third can't be told apart
        ssim = [base, base + 0.1, base - 0.1]  # the second is best, for higher is better
        rows = judge(
            [torch.cat(pair, 1) for pair in zip(lpips, ssim)], ["lpips", "ssim"], {"lpips": True, "ssim": False}
        )
        assert [row.marks for row in rows] == [{}, {"lpips": TIED, "ssim": BEST}, {"lpips": TIED}]
        assert rows[0].p_values["lpips"] < 0.05 and rows[0].p_values["ssim"] < 0.05
        assert "ssim" not in rows[1].p_values
        low, high = rows[2].intervals["lpips"]
        assert low < base.mean() < high

    def test_a_row_with_few_pairs_does_not_lead_by_having_the_easy_ones(self) -> None:
        """On the pairs that both have, the second row is better; its mean over all pairs is worse."""
        easy, hard = 0.1 + 0.001 * draws(20, 1), 0.5 + 0.001 * draws(80, 1, 1)
        few = torch.cat([easy, torch.full((80, 1), torch.nan, dtype=torch.float64)])
        for order in (1, -1):
            rows = judge([few, torch.cat([easy - 0.01, hard])][::order], ["pose"], {"pose": True})[::order]
            assert rows[0].marks == {} and rows[1].marks == {"pose": BEST}

    def test_rows_without_common_pairs_are_not_called_better(self) -> None:
        nothing = torch.full((20, 1), torch.nan, dtype=torch.float64)
        one, other = torch.cat([draws(20, 1), nothing]), torch.cat([nothing, draws(20, 1) + 1])
        assert [row.marks for row in judge([one, other], ["pose"], {"pose": True})] == [{"pose": TIED}] * 2

    def test_one_row_has_intervals_and_no_mark(self) -> None:
        (row,) = judge([draws(20, 1)], ["l1"], {"l1": True})
        assert row.marks == {} and row.p_values == {} and len(row.intervals["l1"]) == 2

    def test_a_metric_that_nobody_has_and_a_single_pair_have_nothing(self) -> None:
        empty = torch.full((20, 1), torch.nan, dtype=torch.float64)
        for values in ([empty, empty], [draws(1, 1), draws(1, 1)]):
            assert all(not row.intervals and not row.marks for row in judge(values, ["l1"], {"l1": True}))
