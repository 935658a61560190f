"""Locks on open files."""

from __future__ import annotations

import errno
import logging
import subprocess
import sys

import pytest

from capture.common import file_lock
from capture.common.file_lock import FIRST, lock_file
from tests.conftest import ROOT

HOLD = (
    "import sys, time; from capture.common.file_lock import lock_file; file = open(sys.argv[1], 'r+b'); "
    "print(lock_file(file), flush=True); time.sleep(60)"
)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "lock").write_bytes(b"\n" * FIRST + b"process 1\n")
    return tmp_path / "lock"


class TestLockFile:
    def test_a_killed_process_loses_the_lock_and_nothing_is_truncated(self, path):
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout.readline().strip() == "True"
            with open(path, "r+b") as file:
                assert not lock_file(file)
                file.seek(FIRST)
                assert file.read() == b"process 1\n"
        finally:
            holder.kill()
            holder.communicate()
        with open(path, "r+b") as file:
            assert lock_file(file)

    def test_a_closed_file_is_free(self, path):
        with open(path, "r+b") as file, open(path, "r+b") as other:
            assert lock_file(file) and not lock_file(other)
            file.close()
            assert lock_file(other, blocking=True)

    @pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
    def test_a_file_system_without_locks_gets_a_line_in_the_log(self, path, monkeypatch, caplog, number):
        def refuse(*args, **options):
            raise OSError(number, "no locks")

        monkeypatch.setattr(file_lock, "lock_descriptor", refuse)
        with caplog.at_level(logging.INFO, "capture"), open(path, "r+b") as file:
            assert lock_file(file)
        assert "can't be locked here" in caplog.text

    def test_another_error_is_raised(self, path, monkeypatch):
        def refuse(*args, **options):
            raise OSError(errno.EIO, "broken")

        monkeypatch.setattr(file_lock, "lock_descriptor", refuse)
        with pytest.raises(OSError, match="broken"), open(path, "r+b") as file:
            lock_file(file)
