"""The progress of a run: its bar, and how many samples a second it takes."""

from __future__ import annotations

import time

import pytest
import torch

from capture.training.progress import Speed, progress_title

CPU, GPU = torch.device("cpu"), torch.device("cuda")


class TestProgressTitle:
    @pytest.mark.parametrize(
        ("epochs", "total", "title"),
        [(0, 20, "epoch 1 of 20, all samples"), (20, 20, "epoch 20 of 20, all samples"), (0, 1, "epoch 1 of 1")],
    )
    def test_title_says_that_the_bar_counts_the_samples_of_all_epochs(self, epochs, total, title):
        assert progress_title(epochs, total) == title


class TestSpeed:
    @pytest.fixture
    def clocks(self, monkeypatch) -> dict[str, float]:
        """What both clocks show, for a test to set."""
        shown = {"monotonic": 100.0, "process_time": 7.0}
        for name in shown:
            monkeypatch.setattr(time, name, lambda name=name: shown[name])
        return shown

    def test_a_process_that_waits_for_others_takes_more_time_but_no_more_processor_time(self, clocks):
        speed = Speed(CPU, 1)
        for _ in range(3):
            speed.count(8)
        clocks.update(monotonic=112.0, process_time=11.0)
        assert speed.rates() == {"samples_per_second": 2.0, "samples_per_cpu_second": 6.0}

    def test_a_restart_forgets_what_was_before(self, clocks):
        speed = Speed(CPU, 1)
        speed.count(1000)
        clocks.update(monotonic=200.0, process_time=50.0)
        speed.restart()
        speed.count(4)
        clocks.update(monotonic=202.0, process_time=51.0)
        assert speed.rates() == {"samples_per_second": 2.0, "samples_per_cpu_second": 4.0}

    def test_processes_that_share_a_batch_use_as_much_each(self, clocks):
        speed = Speed(CPU, 2)
        speed.count(8)
        clocks.update(monotonic=102.0, process_time=9.0)
        assert speed.rates() == {"samples_per_second": 4.0, "samples_per_cpu_second": 2.0}

    def test_a_gpu_has_no_processor_time(self, clocks):
        speed = Speed(GPU, 1)
        speed.count(8)
        clocks.update(monotonic=104.0)
        assert speed.rates() == {"samples_per_second": 2.0}
