"""The table of ONNX files: its files are those of the result that it is asked about."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from capture.common.errors import command_line
from capture.inference.onnx.files import PARTS, WHOLE, part_path
from capture.inference.onnx.weights import PRECISIONS
from tools import onnx_table


@pytest.fixture
def exported(monkeypatch):
    """In place of the export: every file is an ONNX model whose graph has the name of the generator."""
    onnx = pytest.importorskip("onnx")

    def export(path, generator, config):
        graph = onnx.helper.make_graph([], generator, [], [])
        for part in (WHOLE, *PARTS):
            path.parent.mkdir(parents=True, exist_ok=True)
            part_path(path, part).write_bytes(onnx.helper.make_model(graph).SerializeToString())
        return f"{path}: exported"

    monkeypatch.setattr(onnx_table, "export_onnx", export)
    return onnx


class TestFiles:
    def test_files_of_another_result_in_the_same_folder_are_written_again(self, exported, tmp_path):
        for name in ("first", "second"):
            paths = onnx_table.write_files(SimpleNamespace(generator=name, config={}), tmp_path / "onnx")
        assert tuple(paths) == PRECISIONS
        for path in paths.values():
            for part in (WHOLE, *PARTS):
                assert exported.load(part_path(path, part)).graph.name == "second", part_path(path, part)


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
