"""A few rounds of tests/reliability/kill_datasets.py, which says more."""

from tests.reliability.kill_datasets import kill_datasets


class TestKilledPreparation:
    def test_preparation_killed_at_random_moments_ends_the_same(self):
        told = kill_datasets(count=24, seed=0)
        assert told["killed"] >= 24
