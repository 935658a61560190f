"""A run goes on with the number of threads that it began with."""

from __future__ import annotations

import pytest
import torch

from capture.checkpoints.checkpoint import FOLDER, LATEST
from capture.common import threads
from capture.data.open_data import open_data
from capture.training.trainer import Trainer
from tests.conftest import tiny_config


@pytest.fixture
def begun_with_three(mixamo_tree, tmp_path, monkeypatch) -> tuple[dict, object]:
    """A run in `tmp_path` that was saved while three threads computed; now one does."""
    for name in threads.COUNTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "available_cores", lambda: 4)
    config = tiny_config("--dataset_path", str(mixamo_tree), "--validation_pairs", "0")
    data = open_data(config)
    torch.set_num_threads(3)
    try:
        Trainer(config, data, tmp_path).save(tmp_path / FOLDER / LATEST)
        torch.set_num_threads(1)
        yield config, data
    finally:
        torch.set_num_threads(1)


class TestThreadsOfARun:
    def test_a_resumed_run_has_the_threads_it_began_with(self, begun_with_three, tmp_path):
        notes = Trainer(*begun_with_three, tmp_path).notes
        assert torch.get_num_threads() == 3
        assert any("3 threads, as it began" in note for note in notes)

    def test_the_user_may_choose_another_number(self, begun_with_three, tmp_path, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        notes = Trainer(*begun_with_three, tmp_path).notes
        assert torch.get_num_threads() == 1
        assert not any("threads" in note for note in notes)
