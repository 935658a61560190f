"""Curves of runs: each in its own colour wherever it appears, and one line where there is nothing to draw."""

from __future__ import annotations

import json

import pytest
from matplotlib.figure import Figure

from capture.common.errors import CaptureError
from tools import curves


def test_a_run_keeps_its_colour_in_panels_that_lack_others(tmp_path, monkeypatch):
    drawn: list[Figure] = []
    monkeypatch.setattr(curves, "write_figure", lambda figure, path, dpi: drawn.append(figure))
    rows = {"body": {"read_miss": 1.0}, "paint": {"read_miss": 0.5, "G_gan": 0.7}}
    for name, row in rows.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "step": 4, **row}) + "\n")
    curves.plot([tmp_path / name for name in rows], tmp_path / "out.png")
    panels = {axis.get_title(): {line.get_label(): line.get_color() for line in axis.lines} for axis in drawn[0].axes}
    assert set(panels["read_miss"]) == {"body", "paint"} and len(set(panels["read_miss"].values())) == 2
    assert panels["G_gan"] == {"paint": panels["read_miss"]["paint"]}


def test_nothing_to_draw_is_one_line(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(CaptureError, match="nothing in metrics.jsonl to draw"):
        curves.plot([tmp_path], tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
