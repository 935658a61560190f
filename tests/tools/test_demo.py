"""The demo's table says what was measured, and a run that learnt nothing is not praised."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from capture.checkpoints.checkpoint import latest_path, save_checkpoint
from capture.common.errors import command_line
from capture.config.yaml import dump_yaml
from capture.data.toon.write import write_toon
from capture.io.pairs import read_pairs
from capture.methods.build import build_generator
from tests.conftest import tiny_config
from tools import demo


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(an untrained result folder, a toon dataset)."""
    root = tmp_path_factory.mktemp("demo")
    write_toon(root / "toon", 2, 2, 2, 32, 0, workers=1, progress=False)
    torch.manual_seed(0)
    state = {"gen_state_dict": build_generator(tiny_config()).state_dict(), "config": tiny_config()}
    save_checkpoint(latest_path(root / "result"), state)
    (root / "result" / "0config.yaml").write_text(dump_yaml(tiny_config()))
    return root / "result", root / "toon"


def run(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["tools.demo", *map(str, argv)])
    with pytest.raises(SystemExit) as stop:
        command_line(demo.main)()
    return stop.value.code, capsys.readouterr()


class TestDemo:
    def test_floors_are_those_of_the_files_and_the_untrained_fails(self, made, monkeypatch, capsys):
        status, printed = run(monkeypatch, capsys, *made)
        assert status == 1 and "NOT better than both floors" in printed.out
        pairs = read_pairs(made[1] / "test" / "pairs.csv")

        def gap(name):
            pictures = [[np.asarray(Image.open(getattr(p, n))) / 255.0 for n in (name, "target")] for p in pairs]
            return np.mean([np.abs(a - b).mean() for a, b in pictures])

        for name in ("identity", "pose"):
            shown = re.search(rf"{name} returned unchanged\s+([\d.]+)", printed.out)
            assert float(shown[1]) == pytest.approx(gap(name), abs=1e-4)
        sheet = Image.open(made[0] / "demo.png")
        assert sheet.width > sheet.height > 6 * 32
        walk, frames = Image.open(made[0] / "walk.gif"), json.loads((made[0] / "walk_sheet.json").read_text())["frames"]
        assert walk.n_frames == len(frames) == 24 and walk.size == (256, 256)

    def test_a_dataset_without_pairs_is_refused(self, made, tmp_path, monkeypatch, capsys):
        status, printed = run(monkeypatch, capsys, made[0], tmp_path)
        assert status == 2 and "no such pairs file" in printed.err
