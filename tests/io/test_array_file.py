"""Files of named arrays, and the folder beside a dataset that holds them."""

from __future__ import annotations

import numpy as np

from capture.io.array_file import open_arrays, side_folders, writable_side_folder, write_arrays


class TestArrayFile:
    def test_arrays_are_read_as_written(self, tmp_path):
        arrays = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "none": np.zeros((0, 4), np.float32)}
        write_arrays(tmp_path / "x", "test", {"note": "ü"}, arrays)
        about, read = open_arrays(tmp_path / "x", "test", check=True)
        assert about == {"note": "ü"} and all(np.array_equal(read[name], arrays[name]) for name in arrays)
        assert read["none"].shape == (0, 4) and not read["a"].flags.writeable

    def test_side_folder_in_the_users_cache_for_read_only_datasets(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        data, other = tmp_path / "a" / "data", tmp_path / "b" / "data"
        for root in (data, other):
            root.mkdir(parents=True)
        assert writable_side_folder(data) == data / ".capture" == side_folders(data)[0]
        (other / ".capture").write_text("in the way")
        folder = writable_side_folder(other)
        assert folder.parent == tmp_path / "cache" / "capture" and folder.is_dir() and folder != side_folders(data)[1]
        (tmp_path / "cache").rename(tmp_path / "gone")
        (tmp_path / "cache").write_text("in the way")
        assert writable_side_folder(other) is None
