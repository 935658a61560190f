"""A short count of tests/reliability/kill_training.py; docs/RELIABILITY.md has the full one."""

from __future__ import annotations

from tests.reliability.kill_training import kill_training


class TestKilledTraining:
    def test_killed_runs_end_as_if_nothing_had_happened(self):
        told = kill_training(count=8, seed=5, say=lambda line: None)
        assert told["killed"] >= 8 and told["runs"] >= 3
