"""A short count of tests/reliability/kill_training.py; docs/RELIABILITY.md has the full one."""

from __future__ import annotations

from tests.reliability.kill_training import WAYS, kill_training


class TestKilledTraining:
    def test_killed_runs_end_as_if_nothing_had_happened(self, programs):
        """The ways take turns; the last, by the clock, may come too late."""
        told = kill_training(programs, count=5, seed=5, say=lambda line: None)
        assert told["killed"] >= 5 and told["runs"] >= 2 and sum(told[way] > 0 for way in WAYS) >= 3
