"""One run at a time in a result folder: real processes."""

from __future__ import annotations

import os
import signal
import time

import pytest

from capture.common.errors import CaptureError
from capture.common.folder_lock import LOCK, folder_lock
from tests.conftest import TINY_ARGV


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


class TestFolderLock:
    def test_a_second_run_is_refused_and_a_killed_run_releases_the_lock(
        self, mixamo_tree, tmp_path, bad_input, programs
    ):
        argv = [*TINY_ARGV, "--dataset_path", str(mixamo_tree), "--result_path", str(tmp_path), "--result_title", "run"]
        argv += ["--samples_per_epoch", "100000", "--validation_pairs", "0"]
        first = programs.start("train.py", *argv)
        try:
            wait_for(lambda: (tmp_path / "run" / "log.txt").exists())
            message = bad_input("train.py", *argv)
            assert f"{tmp_path / 'run'}: another program is at work here (process {first.pid} on " in message
            assert "choose another --result_title" in message
        finally:
            os.kill(first.pid, signal.SIGKILL)
            first.finish()
        with folder_lock(tmp_path / "run", "wait"):  # the system took it back
            assert str(os.getpid()) in (tmp_path / "run" / LOCK).read_text()

    def test_an_error_releases_the_lock_and_removes_an_empty_folder(self, tmp_path):
        folder = tmp_path / "results" / "run"
        for _ in range(2):
            with pytest.raises(ValueError), folder_lock(folder, "wait"):
                assert folder.exists()
                raise ValueError
            assert not (tmp_path / "results").exists()

    def test_a_folder_with_results_stays(self, tmp_path):
        with folder_lock(tmp_path / "run", "wait"):
            (tmp_path / "run" / "log.txt").write_text("x")
        assert (tmp_path / "run" / "log.txt").exists()

    def test_partial_files_of_killed_writers_are_removed(self, tmp_path):
        left = tmp_path / "run" / "CheckPoint" / ".latest_checkpoint.pt.123.partial"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")
        with folder_lock(tmp_path / "run", "wait"):
            assert not left.exists()

    def test_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(CaptureError, match="can't be written"), folder_lock(tmp_path / "file" / "run", "wait"):
            pass

    def test_processes_that_do_not_write_do_not_lock(self, tmp_path):
        with folder_lock(tmp_path / "run", "wait", wanted=False):
            assert not (tmp_path / "run").exists()

    def test_a_lock_file_of_a_killed_run_hinders_nobody(self, tmp_path):
        """The lock is the system's, not the file's: a file left by a killed run hinders nobody."""
        (tmp_path / LOCK).write_text("process 1 on elsewhere\n")
        with folder_lock(tmp_path, "wait"):
            assert f"process {os.getpid()}" in (tmp_path / LOCK).read_text()
