"""Training on a bad day: full and read-only disks, memory that is not enough, loader processes that die."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
import torch

from capture.checkpoints.checkpoint import FOLDER, latest_path, load_checkpoint
from capture.common.errors import CaptureError
from capture.data.open_data import open_data
from capture.training.trainer import Trainer
from tests.conftest import TINY_ARGV, tiny_config
from tests.helpers.small_disk import mounted, read_only

LESS = ("--cache_gb", "0", "--validation_pairs", "0", "--num_epochs", "3")


def arguments(mixamo_tree, result_path) -> list[str]:
    where = ["--dataset_path", str(mixamo_tree), "--result_path", str(result_path), "--result_title", "run"]
    return [*TINY_ARGV, *where, *LESS]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / FOLDER).iterdir()}


@pytest.fixture(scope="module")
def undisturbed(mixamo_tree, tmp_path_factory, programs):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert programs.run("train.py", *arguments(mixamo_tree, folder)).status == 0
    return load_checkpoint(latest_path(folder / "run"))


def assert_ends_well(programs, argv, folder: Path, undisturbed) -> None:
    """The same command, with nothing in its way any more, ends where a run ends that nothing ever was in the way of."""
    finished = programs.run("train.py", *argv)
    assert finished.status == 0, finished.err
    assert not list(folder.rglob("*.partial"))
    state = load_checkpoint(latest_path(folder))
    assert state["step"] == undisturbed["step"]
    for name, value in undisturbed["gen_state_dict"].items():
        assert torch.equal(state["gen_state_dict"][name], value)


def _raise(error: Exception) -> None:
    raise error


class TestFullDisk:
    @pytest.mark.parametrize(
        ("largest", "what"),
        [(1_000, "0config.yaml"), (6_000, "train_results/1epoch.png"), (60_000, "latest_checkpoint.pt")],
    )
    def test_files_that_may_not_be_so_large(self, mixamo_tree, tmp_path, programs, undisturbed, largest, what):
        argv, folder = arguments(mixamo_tree, tmp_path), tmp_path / "run"
        line = programs.run("train.py", *argv, file_limit=largest).error()
        assert re.search(rf"{what}: can't be written \(File too large\); free space", line)
        assert not latest_path(folder).exists() and not list(folder.rglob("*.partial"))
        assert_ends_well(programs, argv, folder, undisturbed)

    def test_a_disk_that_fills_up_between_two_checkpoints(self, mixamo_tree, tmp_path, programs, undisturbed):
        with mounted(tmp_path / "disk", 64) as disk:
            argv, folder = arguments(mixamo_tree, disk.path), disk.path / "run"
            assert programs.run("train.py", *argv, "--num_epochs", 2).status == 0
            before = contents(folder)
            disk.fill(leave=200_000)
            line = programs.run("train.py", *argv).error()
            assert "latest_checkpoint.pt: can't be written (No space left on device)" in line
            assert contents(folder) == before and not list(folder.rglob("*.partial"))
            rows = (folder / "metrics.jsonl").read_text()
            assert rows.endswith("\n")
            disk.make_room()
            assert_ends_well(programs, argv, folder, undisturbed)

    @pytest.mark.parametrize("leave", (0, 8_192))
    def test_a_disk_with_no_room_at_all(self, mixamo_tree, tmp_path, programs, undisturbed, leave):
        with mounted(tmp_path / "disk", 64) as disk:
            argv, folder = arguments(mixamo_tree, disk.path), disk.path / "run"
            disk.fill(leave)
            line = programs.run("train.py", *argv).error()
            assert "can't be written (No space left on device)" in line and str(folder) in line
            disk.make_room()
            assert_ends_well(programs, argv, folder, undisturbed)

    def test_a_folder_that_cannot_be_written(self, mixamo_tree, tmp_path, programs):
        with read_only(tmp_path):
            line = programs.run("train.py", *arguments(mixamo_tree, tmp_path)).error()
        assert "Read-only file system" in line and str(tmp_path / "run") in line and "choose another folder" in line


class TestOutOfMemory:
    @pytest.mark.parametrize(
        ("error", "where"),
        [
            (lambda: torch.empty(10**15), "this machine"),
            (lambda: _raise(torch.OutOfMemoryError("CUDA out of memory")), "cpu"),
        ],
    )
    def test_too_little_memory_names_the_batch_size(self, mixamo_tree, tmp_path, error, where):
        config = tiny_config(
            "--dataset_path", str(mixamo_tree), "--dataset_config.batch_size", "4", "--micro_batches", "2"
        )
        trainer = Trainer(config, open_data(config), tmp_path)
        trainer.method.loss = lambda *args: error()
        with pytest.raises(
            CaptureError, match=r"batch_size 4 \(2 samples a micro-batch\).*memory of (.*) is not enough; lower"
        ):
            trainer.train()


class TestLoaderProcess:
    def test_a_killed_loader_process_is_one_line(self, tmp_path, programs):
        argv = [*TINY_ARGV, "--dataset_path", "toon", "--result_path", str(tmp_path), "--result_title", "run"]
        argv += ["--num_workers", "1", "--samples_per_epoch", "100000", "--validation_pairs", "0"]
        process = programs.start("train.py", *argv)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 60
        workers: list[int] = []
        while time.monotonic() < deadline and not workers:
            time.sleep(0.1)
            found = children.read_text().split()
            workers = [
                int(pid) for pid in found if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
            ]
        time.sleep(1)
        os.kill(workers[0], signal.SIGKILL)
        line = process.finish().error()
        assert "loader processes was killed" in line and "the same command goes on" in line
