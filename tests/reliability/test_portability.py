"""The programs on systems that lack what Linux has: locks of fcntl, fork, affinities, and some signals.

On Linux, tests/helpers/other_system takes these away from every process that a test starts. On other systems the same
tests run as they are.
"""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common import files
from capture.common.files import is_running, reserve
from capture.common.memory import machine_memory
from tests.conftest import ROOT, TINY_ARGV, draw_figure, tiny_config

OTHER_SYSTEM = ROOT / "tests" / "helpers" / "other_system"


def run(*argv: object) -> str:
    """Run Python, in a new process, with such a system's abilities to a good end; what it prints and logs."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if sys.platform.startswith("linux"):
        environment["PYTHONPATH"] = str(OTHER_SYSTEM)
    command = [sys.executable, *map(str, argv)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def run_program(request):
    """Run a program to a good end, on Linux forked from a process that has the libraries; what it prints and logs."""
    if not sys.platform.startswith("linux"):
        return run
    programs = request.getfixturevalue("programs")

    def call(*argv: object) -> str:
        done = programs.run(*argv, other_system=True)
        assert done.status == 0, done.out + done.err
        return done.out + done.err

    return call


class TestPrograms:
    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="takes away what only Linux has")
    def test_the_helper_takes_away_what_it_should(self):
        tried = "import os, multiprocessing; print(hasattr(os, 'fork'), multiprocessing.get_start_method())"
        assert run("-c", tried).split()[-2:] == ["False", "spawn"]
        with pytest.raises(AssertionError, match="fcntl"):
            run("-c", "import fcntl")

    def test_rendering(self, untrained, tmp_path):
        draw_figure(tmp_path / "a.png", 1, 2)
        draw_figure(tmp_path / "b.png", 2, 5)
        pictures = ["--iden_path", tmp_path / "a.png", "--pose_path", tmp_path / "b.png"]
        run("save_result.py", untrained, *pictures, "--save_dir", tmp_path / "out")
        with Image.open(tmp_path / "out" / "output.png") as picture:
            assert picture.size == (32, 32)

    @pytest.fixture
    def train(self, run_program):
        return lambda *argv: self.trained(run_program, *argv)

    def trained(self, run_program, data: Path, results: Path, *more: object) -> str:
        """Train for two steps an epoch into results/run; the log."""
        argv = ["--dataset_path", data, "--result_path", results, "--result_title", "run", "--samples_per_epoch", 4]
        run_program("train.py", *TINY_ARGV, *argv, "--validation_pairs", 1, "--num_workers", 2, *more)
        assert not (results / "run" / ".lock").exists()
        return (results / "run" / "log.txt").read_text()

    def test_training_with_processes_that_decode(self, train, mixamo_tree, tmp_path):
        assert "epoch 1:" in train(mixamo_tree, tmp_path, "--cache_gb", 0, "--num_epochs", 1)

    def test_training_from_prepared_frames_and_resuming(self, train, mixamo_tree, tmp_path):
        train(mixamo_tree, tmp_path, "--num_epochs", 1)
        assert "epoch 2:" in train(mixamo_tree, tmp_path, "--num_epochs", 2)

    def test_preparing_and_checking(self, run_program, tmp_path):
        small = ["--size", 32, "--characters", 2, "--clips", 1, "--frames", 2, "--test_clips", 0]
        run_program("prepare.py", "toon", tmp_path / "toon", *small, "--test_characters", 2, "--workers", 2)
        assert (tmp_path / "toon" / "test" / "pairs.csv").is_file()
        run_program("prepare.py", "check", tmp_path / "toon", "--workers", 2)

    def test_evaluating(self, run_program, untrained, mixamo_tree, tmp_path):
        (tmp_path / "weights").mkdir()
        argv = ["--pairs", mixamo_tree / "test" / "pairs.csv", "--weights", tmp_path / "weights", "--device", "cpu"]
        assert "SSIM" in run_program("evaluate.py", untrained, *argv, "--out", tmp_path / "out")


class TestLoaderProcesses:
    @pytest.mark.parametrize("dataset_path", ["toon", "folder", "toon + folder"])
    def test_datasets_can_be_sent_to_a_new_process(self, mixamo_tree, dataset_path):
        from capture.data.open_data import open_data

        config = tiny_config("--dataset_path", dataset_path.replace("folder", str(mixamo_tree)), "--cache_gb", "0")
        dataset = open_data(config).train
        sent = pickle.loads(pickle.dumps(dataset))
        for name, value in dataset[3].items():
            assert np.array_equal(sent[3][name], value), name

    def test_a_system_without_signals_of_child_processes(self, monkeypatch):
        from torch.utils.data import DataLoader

        from capture.data.loading import from_processes

        monkeypatch.delattr(signal, "SIGCHLD", raising=False)
        assert list(from_processes(DataLoader(range(3), batch_size=None))) == [0, 1, 2]


class TestSystemCalls:
    def test_space_is_taken_without_posix_fallocate(self, tmp_path, monkeypatch):
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
        for size in (0, 5, (1 << 20) + 3):
            with open(tmp_path / "file", "wb") as file:
                reserve(file, size)
                assert file.tell() == 0 and os.fstat(file.fileno()).st_size == size

    def test_a_full_disk_is_an_error_without_posix_fallocate(self, monkeypatch):
        class Full:
            def write(self, data: bytes) -> int:
                raise OSError(errno.ENOSPC, "no space")

        monkeypatch.delattr(os, "posix_fallocate", raising=False)
        with pytest.raises(OSError, match="no space"):
            reserve(Full(), 10)

    def test_which_processes_run(self):
        child = subprocess.Popen([sys.executable, "-c", "pass"])
        child.wait()
        assert not is_running(child.pid) and not is_running(0) and not is_running(2**70)
        if os.name != "nt":
            assert is_running(os.getpid())

    def test_the_memory_of_a_machine_that_does_not_say(self, monkeypatch):
        assert machine_memory() > 1 << 28
        monkeypatch.delattr(os, "sysconf", raising=False)
        assert machine_memory() == 8 << 30

    def test_windows_opens_no_folders(self, tmp_path, monkeypatch):
        opened = []
        monkeypatch.setattr(files.os, "name", "nt")
        monkeypatch.setattr(files.os, "open", lambda *args: opened.append(args))
        files._sync_folder(tmp_path)
        assert not opened


def test_nothing_is_imported_that_only_one_system_has():
    """In files that every program imports; a function may import such a module where it is needed."""
    only_unix = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "posix"}
    for path in [*ROOT.glob("*.py"), *(ROOT / "capture").rglob("*.py")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.replace(",", " ").split()
            if words[:1] in (["import"], ["from"]) and not line.startswith(" "):
                assert not only_unix & set(words), f"{Path(path).relative_to(ROOT)}: {line}"
