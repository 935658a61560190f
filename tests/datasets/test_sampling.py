"""The sampler: what it draws, how evenly, and that nothing but seed and index decides."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader

from datasets.catalog import scan
from datasets.frames import FrameDataset
from datasets.sampling import EndlessBatches, draw


def test_two_characters_and_two_videos_of_the_first(mixamo_tree):
    catalog = scan(mixamo_tree)
    seen = Counter()
    for i in range(600):
        sample = draw(catalog, 3, i)

        def parts(path):
            inside = path.relative_to(mixamo_tree / "train").parts
            return inside[0], inside[1]

        (a, clip_x), (a_too, clip_y), (b, _) = parts(sample.identity), parts(sample.real), parts(sample.pose)
        assert a == a_too != b and clip_x != clip_y
        assert parts(sample.target)[0] == a and parts(sample.target)[1] == parts(sample.pose)[1]
        assert sample.target.name == sample.pose.name
        seen[a, b] += 1
    assert len(seen) == 6 and min(seen.values()) > 60  # 100 expected of each


def test_seed_and_index_decide(mixamo_tree):
    catalog = scan(mixamo_tree)
    assert [draw(catalog, 1, i) for i in range(50)] == [draw(catalog, 1, i) for i in range(50)]
    assert [draw(catalog, 1, i) for i in range(50)] != [draw(catalog, 2, i) for i in range(50)]


def test_number_of_workers_does_not_change_the_samples(mixamo_tree):
    dataset = FrameDataset(scan(mixamo_tree), 16, 5)

    def first(workers, start=0):
        loader = DataLoader(dataset, batch_sampler=EndlessBatches(3, start), num_workers=workers)
        return list(islice(iter(loader), 4 - start))

    alone, together = first(0), first(2)
    for a, b in zip(alone, together):
        assert all(torch.equal(a[name], b[name]) for name in a)
    for a, b in zip(alone[2:], first(2, start=2)):  # from the middle, as a resumed run reads
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_ranks_share_no_sample_and_leave_none_out():
    taken = [i for rank in range(3) for batch in islice(EndlessBatches(6, 0, rank, 3), 5) for i in batch]
    assert sorted(taken) == list(range(30))
    assert next(iter(EndlessBatches(4, 2))) == [8, 9, 10, 11]


def test_an_update_uses_the_same_samples_whatever_the_number_of_processes():
    for world in (1, 2, 4):
        shares = [next(iter(EndlessBatches(4, 3, rank, world))) for rank in range(world)]
        assert sum(shares, []) == [12, 13, 14, 15]
    with pytest.raises(ValueError, match="batch of 4 can't be shared evenly by 3"):
        EndlessBatches(4, world=3)
