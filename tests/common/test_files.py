"""Files are written whole or not at all, and what stops the writing is one line."""

from __future__ import annotations

import pytest

from capture.common.errors import CaptureError
from capture.common.files import write_atomically, write_bytes


class TestWriteAtomically:
    def test_a_file_is_written_and_replaced(self, tmp_path):
        write_bytes(tmp_path / "new" / "a.bin", b"one")
        write_bytes(tmp_path / "new" / "a.bin", b"two")
        assert (tmp_path / "new" / "a.bin").read_bytes() == b"two"
        assert len(list((tmp_path / "new").iterdir())) == 1

    def test_a_folder_below_a_file_is_one_line(self, tmp_path):
        (tmp_path / "file").write_text("here")
        with pytest.raises(CaptureError, match="can't be written .*choose another folder"):
            write_bytes(tmp_path / "file" / "deeper" / "a.bin", b"one")

    def test_an_error_half_way_leaves_the_old_file(self, tmp_path):
        write_bytes(tmp_path / "a.bin", b"old")

        def fail(file):
            file.write(b"half")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / "a.bin", fail)
        assert (tmp_path / "a.bin").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
