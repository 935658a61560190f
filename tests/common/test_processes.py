"""Training by several processes: the same run as by one, equal weights everywhere, and one line where one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.data.open_data import open_data
from capture.methods.build import batch_keys
from capture.training.trainer import Trainer
from tests.conftest import ROOT, TINY_ARGV, tiny_argv, tiny_config
from tests.helpers.rank_program import EARLY

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
SHORT = ("--batch_size", "4", "--samples_per_epoch", str(4 * EARLY), "--num_epochs", "1")
LONG = ("--batch_size", "4", "--samples_per_epoch", "40")  # ten steps an epoch


def torchrun(*command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*TORCHRUN, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(run: subprocess.Popen, seconds: float = 180) -> tuple[str, str]:
    """What a job printed until it ended; where it does not end, the test fails and shows where each process was."""
    try:
        return run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGABRT)
        out, err = run.communicate()
        pytest.fail(f"the job did not end within {seconds:g} s\n{out}\n{err}")


def alone(tree: Path, folder: Path, *argv: str) -> Path:
    """A few steps in this process."""
    config = tiny_config("--dataset_path", str(tree), *SHORT, *argv)
    assert Trainer(config, open_data(config), folder).train()
    return folder


def _is_normalised_away(name: str) -> bool:
    """Whether an instance norm follows this bias, so that its gradient is nothing but rounding."""
    if name.startswith("refiner."):
        return name.endswith("conv.bias") and not name.startswith("refiner.final.")
    return name.endswith("conv.bias") and name.startswith(("pose_encoder.", "decoder.up_convs."))


def apart(one: Path, other: Path) -> float:
    """How far the generators of two result folders are from each other, relative to their size.

    After a few steps: a rounding that turns an L1's sign or a ReLU moves them by percents some steps later. Without the
    biases that an instance norm takes away again, whose gradients are nothing but rounding.
    """
    a, b = (load_checkpoint(latest_path(folder))["gen_state_dict"] for folder in (one, other))
    names = [name for name in a if not _is_normalised_away(name) and a[name].is_floating_point()]
    a, b = (torch.cat([weights[name].flatten() for name in names]) for weights in (a, b))
    return ((a - b).norm() / a.norm()).item()


@pytest.fixture(scope="module")
def single(mixamo_tree, tmp_path_factory):
    return alone(mixamo_tree, tmp_path_factory.mktemp("single") / "run")


def children_of(process: int) -> set[int]:
    """The numbers of the processes that a process has started and that are still there."""
    return {int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()}


def _process_of_rank(launcher: int, rank: int) -> int:
    for child in children_of(launcher):
        if f"\0RANK={rank}\0".encode() in b"\0" + Path(f"/proc/{child}/environ").read_bytes():
            return child
    raise AssertionError(f"no process of rank {rank} below {launcher}")


def wait_for_training(folder: Path, runs: Callable[[], bool]) -> None:
    """Wait until a run has written a checkpoint."""
    deadline = time.monotonic() + 120
    while not latest_path(folder).exists():
        assert runs() and time.monotonic() < deadline
        time.sleep(0.2)


class TestSeveralProcesses:
    def test_two_processes_stay_equal_and_equal_one(self, mixamo_tree, single, tmp_path, programs):
        """After ten steps both have the same weights and averages; after a few, those of one process up to rounding."""
        argv = (mixamo_tree, tmp_path / "two", "10", *LONG, "--num_epochs", "1")
        run = programs.run("tests/helpers/rank_program.py", *argv, processes=2)
        assert run.status == 0, run.err
        report = json.loads(run.out.splitlines()[-1])
        assert report["world"] == 2
        assert report["drift"] == {"gen": 0.0, "disc": 0.0, "ema": 0.0}
        fresh = tmp_path / "fresh"  # how far training went at all
        config = tiny_config("--dataset_path", str(mixamo_tree), *LONG)
        trainer = Trainer(config, open_data(config), fresh)
        trainer.save(latest_path(fresh))
        assert apart(single, tmp_path / "two" / "early") < 0.001 * apart(single, fresh)

    @pytest.mark.parametrize("argv", [("lwgan",), ("coord_inpainting", "--stage", "picture")], ids=lambda argv: argv[0])
    def test_methods_that_learn_from_maps_learn_the_same(self, tmp_path, argv, programs):
        argv = ("--method", *argv, *SHORT)
        run = programs.run("tests/helpers/rank_program.py", "toon", tmp_path / "two", EARLY, *argv, processes=2)
        config = tiny_config("--dataset_path", "toon", *argv)
        trainer = Trainer(config, open_data(config, batch_keys(config)), tmp_path / "one")
        trainer.save(latest_path(tmp_path / "fresh"))
        trainer.run_steps(EARLY)
        trainer.save(latest_path(tmp_path / "one"))
        assert run.status == 0, run.err
        assert set(json.loads(run.out.splitlines()[-1])["drift"].values()) == {0.0}
        one, two, fresh = (tmp_path / name for name in ("one", "two", "fresh"))
        # gradients agree to 2e-6; spectrally normalised weights that are fresh make them large, and steps amplify that
        assert apart(one, two) < 0.01 * apart(one, fresh)

    @pytest.mark.parametrize("method", ("mraa", "coord_inpainting"))
    def test_two_processes_with_batch_statistics_of_their_own_keep_equal_weights(
        self, mixamo_tree, tmp_path, method, programs
    ):
        """Weights stay equal; each process normalises its own share (on GPUs, all shares together)."""
        tree = mixamo_tree if method == "mraa" else "toon"
        argv = (*tiny_argv(method), "--method", method, "--samples_per_epoch", "16", "--batch_size", "4")
        argv = (tree, tmp_path / "two", "4", *argv, "--num_epochs", "1")
        run = programs.run("tests/helpers/rank_program.py", *argv, processes=2)
        assert run.status == 0, run.err
        assert json.loads(run.out.splitlines()[-1])["drift"] == {"gen": 0.0, "ema": 0.0}

    def test_train_py_resumes_with_another_number_of_processes(self, mixamo_tree, tmp_path, programs):
        argv = [*TINY_ARGV, "--dataset_path", mixamo_tree, *LONG, "--result_path", tmp_path, "--result_title", "run"]
        run = programs.run("train.py", *argv, "--num_epochs", "1", processes=2)
        assert run.status == 0, run.err
        assert "cpu:0 and 1 more" in run.out and run.out.count("epoch 1: ") == 1  # one process tells
        folder = tmp_path / "run"
        assert load_checkpoint(latest_path(folder))["step"] == 10
        assert len((folder / "metrics.jsonl").read_text().splitlines()) == 1
        config = tiny_config("--dataset_path", str(mixamo_tree), *LONG)  # two epochs
        assert Trainer(config, open_data(config), folder).train()
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        straight = tmp_path / "straight"
        assert Trainer(config, open_data(config), straight).train()
        want = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows] == [10, 20]
        for got, expected in zip(rows, want):
            assert got["G_recon"] == pytest.approx(expected["G_recon"], rel=0.02)

    def test_a_killed_process_ends_the_others_with_one_line(self, mixamo_tree, tmp_path, programs):
        argv = [*TINY_ARGV, "--dataset_path", mixamo_tree, *LONG, "--result_path", tmp_path, "--result_title", "run"]
        argv += ["--num_epochs", "10000", "--validation_pairs", "0"]
        job = programs.start("train.py", *argv, processes=2)
        wait_for_training(tmp_path / "run", lambda: len(children_of(programs.process)) == 2)
        (other,) = children_of(programs.process) - {job.pid}
        os.kill(other, signal.SIGKILL)
        run = job.finish()
        assert run.status != 0
        (line,) = [line for line in run.err.replace("\r", "\n").splitlines() if line.startswith("error: ")]
        assert "process 0 of 2 lost another one" in line and "Traceback" not in run.err
        load_checkpoint(latest_path(tmp_path / "run"))  # whole

    @pytest.mark.exhaustive(remains="the same without torchrun, whose launcher imports torch once more")
    def test_a_killed_process_ends_the_job_of_torchrun_with_one_line(self, mixamo_tree, tmp_path):
        argv = [*TINY_ARGV, "--dataset_path", mixamo_tree, *LONG, "--result_path", tmp_path, "--result_title", "run"]
        run = torchrun("train.py", *argv, "--num_epochs", "10000", "--validation_pairs", "0")
        wait_for_training(tmp_path / "run", lambda: run.poll() is None)
        os.kill(_process_of_rank(run.pid, 1), signal.SIGKILL)
        _, err = finish(run)
        assert run.returncode != 0
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.startswith("error: ")]
        assert len(lines) <= 1  # none, where torchrun's own SIGTERM was faster
        assert all("process 0 of 2 lost another one" in line for line in lines)
        assert "signal 9" in err.lower() or "exitcode: -9" in err.lower() or "SIGKILL" in err
        assert 'train.py", line' not in err  # torchrun shows where it was itself, not where we were
        load_checkpoint(latest_path(tmp_path / "run"))  # whole


class TestSameUpdate:
    def test_micro_batches_make_the_same_update(self, mixamo_tree, single, tmp_path):
        folder = alone(mixamo_tree, tmp_path / "micro", "--micro_batches", "2")
        config = tiny_config("--dataset_path", str(mixamo_tree), *LONG)
        trainer = Trainer(config, open_data(config), tmp_path / "fresh")
        trainer.save(latest_path(tmp_path / "fresh"))
        assert apart(single, folder) < 0.001 * apart(single, tmp_path / "fresh")

    def test_recomputed_blocks_make_the_same_update(self, mixamo_tree, single, tmp_path):
        assert apart(single, alone(mixamo_tree, tmp_path / "recomputed", "--recompute", "true")) < 1e-6


class TestProcessRefusals:
    def test_a_batch_that_processes_cannot_share_is_one_line(self, mixamo_tree, tmp_path, programs):
        argv = [*TINY_ARGV, "--dataset_path", mixamo_tree, "--batch_size", "3", "--result_path", tmp_path]
        run = programs.run("train.py", *argv, "--result_title", "run", processes=2)
        assert run.status == 2 and "batch_size 3 can't be shared evenly by 2 processes" in run.err
        assert not (tmp_path / "run").exists()

    def test_micro_batches_that_do_not_divide_are_one_line(self, mixamo_tree, tmp_path, bad_input):
        argv = [*TINY_ARGV, "--dataset_path", mixamo_tree, "--result_path", tmp_path, "--result_title", "run"]
        message = bad_input("train.py", *argv, "--micro_batches", "3")
        assert "micro_batches 3 does not divide the 2 samples" in message
