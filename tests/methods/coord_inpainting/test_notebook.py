"""examples/coordinate_inpainting.ipynb runs from the first cell to the last."""

from __future__ import annotations

import sys

import pytest
import torch

from tests.conftest import ROOT
from tests.helpers.notebooks import run_cells


class TestNotebook:
    def test_every_cell_runs_and_shows_its_pictures(self, monkeypatch):
        plt = pytest.importorskip("matplotlib.pyplot")
        shown = []

        def show() -> None:
            for number in plt.get_fignums():
                plt.figure(number).canvas.draw()
                shown.append(number)
            plt.close("all")

        plt.close("all")
        plt.switch_backend("agg")
        monkeypatch.setattr(plt, "show", show)
        monkeypatch.setenv("STEPS", "2")
        monkeypatch.chdir(ROOT / "examples")
        monkeypatch.setattr(sys, "path", [*sys.path])
        with torch.random.fork_rng():
            run_cells(ROOT / "examples" / "coordinate_inpainting.ipynb")
        assert len(shown) == 7
