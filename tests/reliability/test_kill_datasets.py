"""A few rounds of tests/reliability/kill_datasets.py, which says more."""

from tests.reliability.kill_datasets import WAYS, kill_datasets


class TestKilledPreparation:
    def test_preparation_killed_at_random_moments_ends_the_same(self, programs):
        """The ways take turns; the last, by the clock, may come too late."""
        told = kill_datasets(programs, count=16, seed=0)
        assert told["killed"] >= 16
        for way in WAYS[:-1]:
            assert sum(told[what] for what in told if what.endswith(f", {way}")) >= 2
