"""The table of ONNX files: its files are those of the result that it is asked about."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from capture.common.errors import command_line
from capture.inference.onnx.weights import PRECISIONS
from tools import onnx_table


class TestFiles:
    def test_files_of_another_result_in_the_same_folder_are_written_again(self, tmp_path, monkeypatch):
        exported = []
        monkeypatch.setattr(onnx_table, "export_onnx", lambda *given: exported.append(given))
        for name in ("first", "second"):
            paths = onnx_table.write_files(SimpleNamespace(generator=name, config={}), tmp_path)
        assert tuple(paths) == PRECISIONS
        assert exported[3:] == [(paths[precision], "second", {}, precision) for precision in PRECISIONS]


class TestProgram:
    def test_missing_weights_are_one_line_before_anything_is_exported(self, tmp_path, monkeypatch, capsys):
        def write_files(*_):
            raise AssertionError("it should have ended before this")

        monkeypatch.setattr(onnx_table, "write_files", write_files)
        monkeypatch.setattr(onnx_table.PoseTransfer, "load", lambda *_: SimpleNamespace())
        monkeypatch.setattr(sys, "argv", ["onnx_table", "result", "--weights", str(tmp_path)])
        with pytest.raises(SystemExit) as stop:
            command_line(onnx_table.main)()
        error = capsys.readouterr().err
        assert stop.value.code == 2 and len(error.splitlines()) == 1
        assert error.startswith(f"error: alexnet-owt-7be5be79.pth is not in {tmp_path}; get it from https://")
