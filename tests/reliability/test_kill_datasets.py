"""A few rounds of tests/reliability/kill_datasets.py, which says more."""

from tests.reliability.kill_datasets import kill_datasets


def test_killed_at_random_moments_and_started_again():
    told = kill_datasets(count=24, seed=0)
    assert told["killed"] >= 24
