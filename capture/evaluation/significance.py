"""How sure the table is: bootstrap intervals of the means, and paired tests between the leader and the other rows.

Both resample pairs of the test set, never pixels, and both use the same draws for every row and metric. A metric
without a number for every pair, such as FID, has neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

LEVEL = 0.95  # of an interval; a test supports a difference below 1 - LEVEL
BOOTSTRAPS, PERMUTATIONS = 2_000, 10_000
SEED = 0
BEST, TIED = "best", "tied"
_CELLS = 4_000_000  # numbers drawn at a time


@dataclass
class Certainty:
    """What resampling says of one row.

    Attributes:
        intervals: metric -> (low, high), the 95 % interval of the mean.
        marks: metric -> "best" for a leader that the test supports against every other row, "tied" for a leader that it
            does not, and for every row that the test cannot tell from this leader.
        p_values: metric -> p of the paired test against the leader; the leader itself has none.
    """

    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    p_values: dict[str, float] = field(default_factory=dict)


def bootstrap_intervals(values: Tensor, resamples: int = BOOTSTRAPS, seed: int = SEED, level: float = LEVEL) -> Tensor:
    """Percentile intervals of means, by the bootstrap over pairs (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: float64 (N, K), K numbers of each of N pairs; NaN where a pair has none, which then does not count.
    Returns:
        float64 (K, 2): low and high; NaN where fewer than two pairs have a number.
    """
    n = len(values)
    known = ~values.isnan()
    filled, counted = values.nan_to_num(0.0), known.double()
    rng, means = torch.Generator().manual_seed(seed), []
    for size in _chunks(resamples, n):
        drawn = torch.randint(n, (size, n), generator=rng)  # (R, N) pairs, with replacement
        times = torch.zeros(size, n, dtype=torch.float64).scatter_add_(
            1, drawn, torch.ones(size, n, dtype=torch.float64)
        )
        means.append((times @ filled) / (times @ counted))  # (R, K); 0 / 0 is NaN
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    intervals = torch.nanquantile(torch.cat(means), ends, dim=0).T  # (K, 2)
    intervals[known.sum(0) < 2] = torch.nan
    return intervals


def paired_permutation_test(differences: Tensor, resamples: int = PERMUTATIONS, seed: int = SEED) -> Tensor:
    """Two-sided p-values that mean differences are zero, by random sign flips of the pairs (Fisher 1935, section 21).

    If two methods were equal, each pair's difference would be as likely with the other sign. The p-value is the share
    of sign flips whose mean is at least as far from zero as the mean itself, which counts as one of them.

    Args:
        differences: float64 (N, K), K differences between two methods on each of N pairs; NaN does not count.
    Returns:
        float64 (K,) in [1 / (resamples + 1), 1]; 1 where there is nothing to compare.
    """
    filled = differences.nan_to_num(0.0)
    observed = filled.sum(0).abs()  # (K,) the number of pairs is the same in every flip, so sums do for means
    least = observed - 1e-9 * filled.abs().sum(0)  # a flip that gives the same sum in another order counts
    rng, count = torch.Generator().manual_seed(seed), torch.zeros_like(observed)
    for size in _chunks(resamples, len(filled)):
        signs = torch.randint(2, (size, len(filled)), generator=rng).double() * 2 - 1
        count += ((signs @ filled).abs() >= least).sum(0)
    return (1 + count) / (resamples + 1)


def judge(values: Sequence[Tensor], keys: Sequence[str], lower_is_better: dict[str, bool]) -> list[Certainty]:
    """Intervals and marks of the rows of a table.

    Args:
        values: for each row float64 (N, K), of the same N pairs.  keys: the K metrics.
        lower_is_better: by metric; False where a higher number is better.
    Returns:
        A Certainty for each row. A table of one row has intervals and no marks.
    """
    rows = [Certainty() for _ in values]
    if not rows or len(values[0]) < 2:
        return rows
    stacked = torch.stack(list(values))  # (rows, N, K)
    intervals = bootstrap_intervals(stacked.permute(1, 0, 2).flatten(1)).unflatten(0, (len(rows), len(keys)))
    means = _comparable_means(stacked)  # (rows, K)
    for k, key in enumerate(keys):
        for row, (low, high) in zip(rows, intervals[:, k].tolist()):
            if low == low:  # not NaN
                row.intervals[key] = (low, high)
    leaders, tested = [], []
    for k, key in enumerate(keys):
        signed = (means[:, k] if lower_is_better[key] else -means[:, k]).nan_to_num(torch.inf)
        leaders.append(int(signed.argmin()))
        tested.append(stacked[:, :, k] - stacked[leaders[-1], :, k])  # (rows, N)
    p_values = paired_permutation_test(torch.cat(tested).T).unflatten(0, (len(keys), len(rows)))
    for k, key in enumerate(keys):
        others = [r for r in range(len(rows)) if r != leaders[k] and not means[r, k].isnan()]
        if not others or means[leaders[k], k].isnan():
            continue
        for r in others:
            rows[r].p_values[key] = float(p_values[k, r])
        ahead = (
            tested[k].nansum(1) * (1 if lower_is_better[key] else -1) < 0
        )  # on the pairs of both, the leader is worse
        close = [r for r in others if p_values[k, r] >= 1 - LEVEL or ahead[r]]
        rows[leaders[k]].marks[key] = TIED if close else BEST
        for r in close:
            rows[r].marks[key] = TIED
    return rows


def _comparable_means(values: Tensor) -> Tensor:
    """Means (rows, K) of values (rows, N, K) over the pairs on which all rows have one that have any; over each row's
    own where there are no such pairs; NaN for rows without any."""
    there = ~values.isnan()
    any_row = there.any(1, keepdim=True)  # (rows, 1, K)
    common = (there | ~any_row).all(0, keepdim=True) & there  # (rows, N, K)
    means = values.where(common, torch.nan).nanmean(1)
    return means.where(common.any(1), values.nanmean(1))


def _chunks(resamples: int, n: int) -> list[int]:
    """Resamples in pieces that fit into memory."""
    size = max(1, _CELLS // max(n, 1))
    return [min(size, resamples - start) for start in range(0, resamples, size)]
