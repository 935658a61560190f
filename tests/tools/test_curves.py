"""Curves of runs: each in its own colour wherever it appears, and one line where there is nothing to draw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib import pyplot
from PIL import Image

from capture.common.errors import CaptureError
from tools import curves


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are made, after they were written."""
    figures, make = [], pyplot.subplots

    def subplots(*args, **kwargs):
        made = make(*args, **kwargs)
        figures.append(made[0])
        return made

    monkeypatch.setattr(pyplot, "subplots", subplots)
    return figures


def write_runs(folder, runs):
    for name, row in runs.items():
        (folder / name).mkdir()
        (folder / name / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "step": 4, **row}) + "\n")
    return [folder / name for name in runs]


class TestCurves:
    def test_a_run_keeps_its_colour_in_panels_that_lack_other_runs(self, tmp_path, drawn):
        runs = {"layout": {"segmentation_ce": 1.0}, "paint": {"segmentation_ce": 0.5, "G_gan": 0.7}}
        curves.plot(write_runs(tmp_path, runs), tmp_path / "out.png")
        assert Image.open(tmp_path / "out.png").size == (1000, 300)
        panels = {axis.get_title(): {x.get_label(): x.get_color() for x in axis.lines} for axis in drawn[0].axes}
        assert set(panels) == {"segmentation_ce", "G_gan"}
        assert set(panels["segmentation_ce"]) == {"layout", "paint"}
        assert len(set(panels["segmentation_ce"].values())) == 2
        assert panels["G_gan"] == {"paint": panels["segmentation_ce"]["paint"]}

    def test_metrics_of_older_versions_are_drawn_beside_today_s(self, tmp_path, drawn):
        old = {"G_surface": 6, "read_miss": 1, "layout_miss": 2, "identity_far": 3, "identity_mended": 4}
        today = {"G_correspondence": 6, "segmentation_ce": 1, "layout_ce": 2, "identity_epe": 3}
        today["identity_refined_epe"] = 4
        curves.plot(write_runs(tmp_path, {"old": old, "today": today}), tmp_path / "out.png")
        panels = {axis.get_title(): [list(x.get_ydata()) for x in axis.lines] for axis in drawn[0].axes if axis.lines}
        assert panels == {name: [[value], [value]] for name, value in today.items()}

    def test_lpips_of_several_runs_against_samples_and_seconds(self, tmp_path, drawn):
        row = {"samples": 100, "samples_per_second": 4.0, "val_L1": 0.5}
        runs = write_runs(tmp_path, {"A": {**row, "val_LPIPS": 0.3}, "B": {**row, "val_LPIPS": 0.2}})
        curves.compare(runs, tmp_path / "out.png")
        left, right = drawn[0].axes
        assert left.get_ylabel().startswith("val_LPIPS") and left.get_xlabel() == "training samples"
        assert [list(line.get_xdata()) for line in left.lines] == [[100], [100]]
        assert [list(line.get_xdata()) for line in right.lines] == [[25], [25]]
        assert [list(line.get_ydata()) for line in right.lines] == [[0.3], [0.2]]

    def test_runs_of_which_one_lacks_lpips_are_compared_by_l1(self, tmp_path, drawn):
        row = {"samples": 100, "samples_per_second": 4.0, "val_L1": 0.5}
        runs = write_runs(tmp_path, {"A": {**row, "val_LPIPS": 0.3}, "B": row})
        curves.compare(runs, tmp_path / "out.png")
        assert drawn[0].axes[0].get_ylabel().startswith("val_L1")
        assert [list(line.get_ydata()) for line in drawn[0].axes[0].lines] == [[0.5], [0.5]]
        write_runs(tmp_path, {"C": {}})
        with pytest.raises(CaptureError, match="C: no val_LPIPS or val_L1"):
            curves.compare([*runs, tmp_path / "C"], tmp_path / "none.png")

    @pytest.mark.parametrize("draw", [curves.plot, curves.compare])
    def test_results_whose_folders_have_the_same_name_are_both_drawn(self, tmp_path, drawn, draw):
        row = {"samples": 100, "samples_per_second": 4.0}
        runs = []
        for parent, value in (("a", 0.5), ("b", 0.25)):
            (tmp_path / parent).mkdir()
            runs += write_runs(tmp_path / parent, {"run": {**row, "val_L1": value}})
        runs += write_runs(tmp_path, {"other": {**row, "val_L1": 0.75}})
        draw(runs, tmp_path / "out.png")
        lines = {line.get_label(): list(line.get_ydata()) for line in drawn[0].axes[0].lines}
        assert lines == {"a/run": [0.5], "b/run": [0.25], "other": [0.75]}

    def test_a_label_has_no_more_folders_than_it_takes(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        results = [Path("x/a/run"), Path("y/a/run"), Path("y/b/run"), Path("y/b/run"), Path("other/.")]
        assert curves.labels(results) == ["x/a/run", "y/a/run", "b/run", "b/run", "other"]

    def test_nothing_to_draw_is_one_line(self, tmp_path):
        (tmp_path / "metrics.jsonl").write_text("")
        with pytest.raises(CaptureError, match="nothing in metrics.jsonl to draw"):
            curves.plot([tmp_path], tmp_path / "out.png")
        assert not (tmp_path / "out.png").exists()
