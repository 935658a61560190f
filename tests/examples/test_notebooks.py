"""The notebooks of examples/ run from the first cell to the last, with smaller parameters."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT, tiny_argv
from tests.helpers.notebooks import run_cells

pytestmark = pytest.mark.slow


@pytest.fixture
def run_notebook(monkeypatch):
    """Run a notebook in examples/ in a kernel, with other values in its parameter cell; its code cells with outputs."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(name: str, **parameters) -> list:
        notebook = nbformat.read(ROOT / "examples" / name, as_version=4)
        nbformat.validate(notebook)
        (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        assert all(f"{key} = " in cell.source for key in parameters)
        cell.source = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
        where = {"metadata": {"path": str(ROOT / "examples")}}
        nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=where).execute()
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    return run


def pictures(cells: list) -> int:
    """How many cells show a picture."""
    return sum(any("image/png" in output.get("data", {}) for output in cell.outputs) for cell in cells)


class TestNotebooks:
    def test_animate_a_drawing(self, run_notebook, tmp_path):
        frames = tmp_path / "frames"
        frames.mkdir()
        for i, name in enumerate(("pose_bow.png", "pose_clap.png")):
            (frames / f"{i}.png").write_bytes((ROOT / "examples" / name).read_bytes())
        out = tmp_path / "out.gif"
        cells = run_notebook(
            "animate_a_drawing.ipynb", IDENTITY="robot.png", POSE="pose_bow.png", VIDEO=str(frames), OUT=str(out)
        )
        assert pictures(cells) == 1 and out.stat().st_size > 1000
        shown = [output["data"]["text/html"] for cell in cells[-2:] for output in cell.outputs]
        assert len(shown) == 2 and all("data:image/gif;base64" in html for html in shown)

    def test_train_your_own(self, run_main, monkeypatch, tmp_path):
        """Both stages, in whose second half the learning rate falls to zero. Its programs run in this process."""
        trained = []

        def run(command: list[str], **options) -> subprocess.CompletedProcess:
            assert command[:4] == [sys.executable, "-m", "capture", "train"] and "PYTHONPATH" in options["env"]
            status, out, err = run_main("train.py", *command[4:])
            assert status == 0, err
            trained.append(out)
            return subprocess.CompletedProcess(command, status, out, err)

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.chdir(ROOT / "examples")
        monkeypatch.setattr(sys, "path", [*sys.path])
        tiny = tiny_argv("capture_parts")
        epochs = tiny.index("--train_config.num_epochs")  # are the notebook's own
        options = [*tiny[:epochs], *tiny[epochs + 2 :], "--dataset_path", "toon", "--validation_pairs", "2"]
        parameters = {"MINUTES": 10.0, "OPTIONS": options, "RESULTS": str(tmp_path)}
        *_, sheet = run_cells(ROOT / "examples" / "train_your_own.ipynb", parameters)
        assert len(trained) == 2 and sheet.size == (512, 512) and sheet._repr_png_().startswith(b"\x89PNG")
        for title, stage in (("MyLayout", "layout"), ("MyToon", "joint")):
            assert (tmp_path / title / "CheckPoint" / "latest_checkpoint.pt").is_file()
            config = yaml.safe_load((tmp_path / title / "0config.yaml").read_text())
            assert config["capture_parts_config"]["stage"] == stage
            assert (
                1 <= config["train_config"]["lr_schedule"]["decay_epochs"] <= config["train_config"]["num_epochs"] < 10
            )
