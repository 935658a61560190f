"""examples/coordinate_inpainting.ipynb runs from the first cell to the last."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT


class TestNotebook:
    def test_every_cell_runs_and_shows_its_pictures(self, monkeypatch):
        nbformat = pytest.importorskip("nbformat")
        nbclient = pytest.importorskip("nbclient")
        pytest.importorskip("ipykernel")
        monkeypatch.setenv("STEPS", "2")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        notebook = nbformat.read(ROOT / "examples" / "coordinate_inpainting.ipynb", as_version=4)
        client = nbclient.NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT / "examples")}}
        )
        client.execute()
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        pictures = [o for cell in cells for o in cell.outputs if "image/png" in o.get("data", {})]
        assert len(pictures) == 7
