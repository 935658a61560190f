"""What people are told: one line, and what the machine refuses with what to do about it."""

from __future__ import annotations

import errno
import os
import resource
import sys

import pytest

from capture.common.errors import CaptureError, command_line, one_line
from capture.common.files import write_bytes
from capture.data.index.listing import list_folder


class TestOneLine:
    def test_a_message_is_one_line_that_no_terminal_obeys(self):
        assert one_line("a\nb\x1b[2J\udcff") == "a\\nb\\x1b[2J\\udcff"
        assert len(one_line("x" * 10**6)) < 1100


@pytest.fixture
def few_open_files():
    """Not one more file can be opened."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, limits[1]))
    kept = []
    try:
        with pytest.raises(OSError):
            while True:
                kept.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in kept:
            os.close(descriptor)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="lists the process's open files as Linux does")
class TestTooManyOpenFiles:
    def test_a_file_that_cannot_be_written(self, tmp_path, few_open_files):
        with pytest.raises(
            CaptureError, match=r"\(Too many open files\); allow more open files \(ulimit -n\)"
        ) as found:
            write_bytes(tmp_path / "a.bin", b"one")
        assert "free space" not in str(found.value)

    def test_a_folder_that_cannot_be_listed(self, tmp_path, few_open_files):
        with pytest.raises(CaptureError, match=r"listed \(Too many open files\); allow more open files \(ulimit -n\)"):
            list_folder(os.fsencode(tmp_path))


class TestCommandLine:
    @pytest.mark.parametrize("number", (errno.EMFILE, errno.ENFILE))
    def test_too_many_open_files_are_not_blamed_on_standard_output(self, monkeypatch, capsys, number):
        """A loader's socket, say, has no file name."""
        monkeypatch.setattr(sys, "argv", ["train.py"])

        def main():
            raise OSError(number, os.strerror(number))

        with pytest.raises(SystemExit) as end:
            command_line(main)()
        line = capsys.readouterr().err
        assert end.value.code == 2 and line.startswith(f"error: {os.strerror(number)}; ")
        assert "standard output" not in line and "space" not in line
