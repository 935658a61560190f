"""Counting work, and the peak that it is compared with."""

from __future__ import annotations

import pytest
import torch

from capture.common.work import Work, count_work, matrix_peak


class TestCountWork:
    def test_products_and_operators_are_counted_and_views_are_not(self):
        a = torch.ones(8, 16)
        work, made = count_work(lambda: (a @ a.T).view(-1).sum())
        assert work == Work(flop=2 * 8 * 16 * 8, operators=2)
        assert made == 8 * 16 * 8

    def test_a_backward_pass_counts(self):
        layer = torch.nn.Linear(4, 4, bias=False)
        x = torch.ones(2, 4, requires_grad=True)
        forward, _ = count_work(lambda: layer(x).sum())
        both, _ = count_work(lambda: layer(x).sum().backward())
        assert both.flop == 3 * forward.flop

    def test_utilisation_is_a_share_of_a_peak(self):
        assert Work(2e9, 1).utilisation(seconds=0.5, peak=8e9) == pytest.approx(0.5)


class TestMatrixPeak:
    def test_the_peak_is_a_plausible_speed_and_uses_no_random_numbers_of_others(self):
        before = torch.get_rng_state()
        peak = matrix_peak(torch.device("cpu"), torch.float32, repeats=1)
        assert 1e8 < peak < 1e15
        assert torch.equal(torch.get_rng_state(), before)
