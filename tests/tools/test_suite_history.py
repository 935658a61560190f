"""The suite of styles at every checkpoint of a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from capture.common.errors import CaptureError
from tools import suite_history
from tools.suite_history import checkpoints, read_history, report, write_history

SHARES = {1: {"toon": 0.60, "lpc": 1.2}, 2: {"toon": 0.50, "lpc": 1.0}, 10: {"toon": 0.55, "lpc": 1.01}}
HISTORY = {epoch: {name: (0.1, share) for name, share in styles.items()} for epoch, styles in SHARES.items()}

ASKED = ("styles", 16)  # the suite and its --limit


@pytest.fixture
def run(tmp_path) -> Path:
    """A run with checkpoints of three epochs, and others that have no number."""
    folder = tmp_path / "run" / "CheckPoint"
    folder.mkdir(parents=True)
    for name in ("10epoch", "2epoch", "1epoch", "latest", "xepoch"):
        (folder / f"{name}_checkpoint.pt").touch()
    return folder.parent


class TestCheckpoints:
    def test_in_the_order_of_their_epochs(self, run):
        assert list(checkpoints(run)) == [1, 2, 10]


class TestHistory:
    def test_a_history_is_read_as_it_was_written(self, run):
        assert read_history(run, *ASKED) == {}
        write_history(run, HISTORY, *ASKED)
        assert read_history(run, *ASKED) == HISTORY

    @pytest.mark.parametrize("other", [("mine,too.yaml", 16), ("styles", 48)])
    def test_figures_of_other_pairs_are_refused(self, run, other):
        write_history(run, HISTORY, *other)
        assert read_history(run, *other) == HISTORY
        with pytest.raises(CaptureError, match=f"measured with --suite {other[0]} --limit {other[1]}; give the same"):
            read_history(run, *ASKED)

    def test_a_file_of_an_older_version_is_read(self, run):
        (run / "suite_history.csv").write_text("epoch,dataset,lpips,share\n1,toon,0.1,0.5\n")
        assert read_history(run, *ASKED) == {1: {"toon": (0.1, 0.5)}}

    def test_another_file_is_refused(self, run):
        (run / "suite_history.csv").write_text("a,b\n1,2\n")
        with pytest.raises(CaptureError, match="not a history of a suite"):
            read_history(run, *ASKED)


class TestReport:
    def test_worst_style(self):
        assert report(2, HISTORY) == "epoch 2: worst style lpc, 100% of the better floor"

    def test_styles_that_fell_below_their_best(self):
        assert report(10, HISTORY).endswith("fallen: toon 50% to 55%")


class TestMain:
    def main(self, monkeypatch, run: Path, *more: str) -> list[str]:
        """Run the tool with evaluate.py replaced; returns the checkpoints that it measured."""
        measured = []

        def evaluate(words, **options):
            out = Path(words[words.index("--out") + 1])
            epoch = int(Path(words[2]).name.removesuffix("epoch_checkpoint.pt"))
            measured.append(epoch)
            rows = [{"dataset": name, "lpips": 0.1, "share": share} for name, share in SHARES[epoch].items()]
            (out / "suite.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            return subprocess.CompletedProcess(words, 0)

        monkeypatch.setattr(suite_history.subprocess, "run", evaluate)
        monkeypatch.setattr(sys, "argv", ["suite_history", str(run), *more])
        suite_history.main()
        return measured

    def test_checkpoints_are_measured_once(self, monkeypatch, run, capsys):
        assert self.main(monkeypatch, run) == [1, 2, 10]
        assert "fallen: toon 50% to 55%" in capsys.readouterr().out
        (run / "CheckPoint" / "2epoch_checkpoint.pt").unlink()
        assert self.main(monkeypatch, run) == [] and read_history(run, *ASKED) == HISTORY

    def test_a_folder_without_a_run_is_refused(self, monkeypatch, tmp_path):
        with pytest.raises(CaptureError, match="no checkpoints here"):
            self.main(monkeypatch, tmp_path)
