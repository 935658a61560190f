"""Arrays in NumPy's files: what is read, and what is refused in one line."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from capture.common.errors import CaptureError
from capture.io.numpy_file import load_array


class TestLoadArray:
    def test_an_array_is_mapped_and_cannot_be_changed(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
        values = load_array(tmp_path / "a.npy")
        assert values.tolist() == [[0, 1, 2], [3, 4, 5]] and not values.flags.writeable

    @pytest.mark.parametrize(
        ("write", "fault"),
        [
            (lambda path: None, "no such map"),
            (lambda path: path.write_bytes(b""), "not a whole NumPy file of numbers"),
            (lambda path: path.write_bytes(pickle.dumps([1])), "not a whole NumPy file of numbers"),
            (lambda path: np.save(path, np.array([{}], dtype=object)), "not a whole NumPy file of numbers"),
            (lambda path: path.write_bytes(_saved(np.zeros(100))[:200]), "not a whole NumPy file of numbers"),
        ],
        ids=["missing", "empty", "pickle", "objects", "cut off"],
    )
    def test_what_is_no_array_of_numbers_is_refused(self, tmp_path, write, fault):
        path = tmp_path / "a.npy"
        write(path)
        with pytest.raises(CaptureError, match=f"a.npy: {fault}"):
            load_array(path)

    def test_an_archive_is_refused(self, tmp_path):
        np.savez(tmp_path / "a.npz", one=np.zeros(2))
        with pytest.raises(CaptureError, match="an archive of several arrays"):
            load_array(tmp_path / "a.npz")


def _saved(values: np.ndarray) -> bytes:
    import io

    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()
