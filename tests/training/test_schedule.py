"""Learning rates over a run."""

from __future__ import annotations

import pytest

from capture.training.schedule import rate_factor

CONSTANT = {"warmup_steps": 0, "drop_epochs": [-1], "decay_epochs": 0}


class TestRateFactor:
    def test_without_a_schedule_the_rates_stay(self):
        assert [rate_factor(step, 10, 100, CONSTANT) for step in (0, 50, 99)] == [1, 1, 1]

    def test_warm_up_is_linear_and_ends(self):
        schedule = {**CONSTANT, "warmup_steps": 4}
        assert [rate_factor(step, 10, 100, schedule) for step in (0, 1, 3, 4, 99)] == [0.25, 0.5, 1, 1, 1]

    def test_the_last_epochs_fall_linearly_to_nothing(self):
        schedule = {**CONSTANT, "decay_epochs": 2}
        assert rate_factor(80, 10, 100, schedule) == 1
        assert rate_factor(90, 10, 100, schedule) == pytest.approx(0.5)
        assert rate_factor(99, 10, 100, schedule) == pytest.approx(0.05)

    def test_a_run_that_is_shorter_than_its_decay_begins_with_the_whole_rate(self):
        schedule = {**CONSTANT, "decay_epochs": 24}
        assert rate_factor(0, 10, 40, schedule) == 1
        assert rate_factor(20, 10, 40, schedule) == pytest.approx(0.5)

    def test_each_drop_is_to_a_tenth(self):
        schedule = {**CONSTANT, "drop_epochs": [2, 5]}
        found = [rate_factor(step, 10, 100, schedule) for step in (19, 20, 49, 50)]
        assert found == pytest.approx([1, 0.1, 0.1, 0.01])
