"""Batches: the same whichever way they come, ahead of who takes them, and one line when a process dies."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
import time
from itertools import islice

import pytest
import torch

from capture.common.errors import CaptureError
from capture.data import loading
from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.loading import AHEAD, make_loader
from capture.data.mixed import Mixed
from capture.data.sample_source import SampleSource
from capture.data.sampling import EndlessBatches
from capture.data.toon.dataset import ToonStream

CPU = torch.device("cpu")


@pytest.fixture
def copy(mixamo_tree, tmp_path):
    shutil.copytree(mixamo_tree, tmp_path / "copy", ignore=shutil.ignore_patterns(".capture"))
    return scan(tmp_path / "copy")


def first(dataset, workers, count=4, start=0):
    return list(islice(make_loader(dataset, EndlessBatches(3, start), workers, CPU, progress=False), count))


def equal(some, others):
    return len(some) == len(others) and all(
        set(a) == set(b) and all(a[name].equal(b[name]) for name in a) for a, b in zip(some, others)
    )


class Counting(SampleSource):
    """Notes the first index of every batch that is requested. The batch of index 9 fails."""

    def __init__(self):
        self.requested = []

    def describe(self, index):
        return {}

    def batch(self, indices):
        self.requested.append(indices[0])
        if indices[0] == 9:
            raise CaptureError("nine: can't be read")
        return {"index": torch.tensor(indices)}


def loader_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "loader"}


class TestThreadLoader:
    def test_batches_are_loaded_ahead_and_the_thread_ends_with_its_iterator(self):
        source, others = Counting(), loader_threads()  # of tests whose trainers haven't been collected yet
        batches = iter(make_loader(source, EndlessBatches(3, start_step=10), 0, CPU))
        assert not loader_threads() - others
        assert next(batches)["index"].tolist() == [30, 31, 32]
        until = time.monotonic() + 5
        while len(source.requested) < AHEAD + 2 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        assert source.requested == [30 + 3 * i for i in range(AHEAD + 2)]  # one taken, some ready, one in hand
        assert len(loader_threads() - others) == 1
        batches.close()
        assert not loader_threads() - others

    def test_error_comes_after_the_batches_before_it(self):
        others = loader_threads()
        batches = iter(make_loader(Counting(), EndlessBatches(3), 0, CPU))
        assert [next(batches)["index"][0].item() for _ in range(3)] == [0, 3, 6]
        with pytest.raises(CaptureError, match="nine: can't be read"):
            next(batches)
        assert not loader_threads() - others


class KilledAtThirdBatch(SampleSource):
    """Its third batch kills the process, as the system does when memory runs out."""

    def describe(self, index):
        return {}

    def batch(self, indices):
        if indices[0] == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"index": torch.tensor(indices)}


class TestProcessLoader:
    def test_broken_frame_is_one_line(self, copy):
        for path in (copy.root / "train").rglob("*.png"):
            path.write_bytes(b"no picture")
        with pytest.raises(CaptureError) as caught:
            first(FrameDataset(copy, 16, 5), 1)
        assert "not a picture" in str(caught.value) and "\n" not in str(caught.value)

    def test_killed_process_is_one_line(self):
        seen = []
        signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
        try:
            batches = iter(make_loader(KilledAtThirdBatch(), EndlessBatches(3), 1, CPU))
            with pytest.raises(CaptureError, match=r"loader processes was killed.*lower num_workers or cache_gb"):
                for _ in range(3):
                    next(batches)
            assert seen  # whoever listened before still does
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)


class TestMakeLoader:
    def test_batches_do_not_depend_on_how_they_are_loaded(self, copy):
        plain = FrameDataset(copy, 16, 5)
        alone = first(plain, 0)
        assert alone[0]["identity"].shape == (3, 3, 16, 16) and len({batch["pose"].sum().item() for batch in alone}) > 1
        for dataset, workers in ((plain, 1), (plain, 2), (FrameDataset(copy, 16, 5, cache_gb=1), 2)):
            found = first(dataset, workers)
            assert equal(found, alone)
            assert found[0]["pose"].is_contiguous(memory_format=torch.channels_last)
            assert equal(first(dataset, workers, 2, start=2), alone[2:])  # as a resumed run reads
        assert dataset.prepared is not None

    def test_toon_without_shared_renders(self):
        stream = ToonStream(16, seed=1)
        batches = first(stream, 0, 2)
        assert batches[1]["target"].equal(torch.stack([stream[i]["target"] for i in (3, 4, 5)]))

    @pytest.mark.parametrize("share_renders", [False, True])
    def test_toon_on_the_device_of_the_training_starts_no_process(self, share_renders, copy, monkeypatch):
        options = {"seed": 1, "share_renders": share_renders}
        expected = first(Mixed([ToonStream(16, **options), FrameDataset(copy, 16, 5)]), 0, 2)
        monkeypatch.setattr(loading, "DataLoader", None)
        stream = ToonStream(16, on_device=True, device="meta", **options)
        found = first(Mixed([stream, FrameDataset(copy, 16, 5)]), 2, 2)
        assert equal(found, expected) and stream.device == "cpu"

    def test_finite_sampler(self, copy):
        assert len(list(make_loader(FrameDataset(copy, 8, 0), [[0, 1], [2]], 0, CPU))) == 2
        assert len(list(make_loader(FrameDataset(copy, 8, 0), [[0, 1], [2]], 1, CPU))) == 2

    def test_worker_processes_keep_frames_that_are_not_prepared(self, copy, caplog):
        caplog.set_level(logging.INFO, "capture")
        dataset = FrameDataset(copy, 16, 5, cache_gb=18 * 16 * 16 * 3 / 1e9 - 1e-9)
        batches = make_loader(dataset, EndlessBatches(3), 2, CPU)
        assert "more than cache_gb" in caplog.text and dataset.prepared is None
        assert dataset.reader.keep == (18 * 16 * 16 * 3 - 1) // min(2, len(os.sched_getaffinity(0)))
        assert equal(list(islice(batches, 2)), first(FrameDataset(copy, 16, 5), 0, 2))
