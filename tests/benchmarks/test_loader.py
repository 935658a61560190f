"""The loader's benchmark compares like with like."""

from __future__ import annotations

import torch

from capture.benchmarks.loader import WAYS, _make_frames, measure
from capture.io.images import normalise


class TestLoaderBenchmark:
    def test_every_way_reads_the_same_samples(self, tmp_path):
        _make_frames(tmp_path, None, 64, 64)  # nothing is resized, so that they can't differ
        batches = [read(tmp_path, 64)(3) for read in WAYS.values()]
        for batch in batches[1:]:
            for name in ("identity", "real", "pose"):
                assert batches[0][name].shape == (4, 3, 64, 64)
                assert torch.allclose(normalise(batch[name]), batches[0][name], atol=1e-6)

    def test_rows_compare_every_way_with_the_release(self, mixamo_tree):
        rows = measure(mixamo_tree, size=16, seconds=0.1)
        assert len(rows) == 4 and rows[0]["times_release"] == 1
        for row in rows:
            low, high = row["spread"]
            assert 0 < low <= row["samples_per_second"] <= high and 10 < row["peak_memory_mb"] < 5000
        assert rows[3]["times_release"] > 5  # from memory, even against 32x32 files
        assert "16x16" in rows[2]["name"]
