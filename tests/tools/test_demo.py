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
from capture.config.load import load_config
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.data.toon.write import write_toon
from capture.io.pairs import read_pairs
from capture.methods.build import batch_keys, build_generator
from capture.training.trainer import Trainer
from tests.conftest import tiny_config
from tools import demo
from tools.demo import Score


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(an untrained result folder, a toon dataset)."""
    root = tmp_path_factory.mktemp("demo")
    few = {"test_characters": 2, "test_clips": 1}
    write_toon(root / "toon", 1, 1, 1, 32, 0, workers=1, progress=False, **few)
    torch.manual_seed(0)
    state = {"gen_state_dict": build_generator(tiny_config()).state_dict(), "config": tiny_config()}
    save_checkpoint(latest_path(root / "result"), state)
    (root / "result" / "0config.yaml").write_text(dump_yaml(tiny_config()))
    return root / "result", root / "toon"


@pytest.fixture(autouse=True)
def no_weights(tmp_path, monkeypatch):
    """A computer without the weights of LPIPS."""
    monkeypatch.delenv("CAPTURE_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


def run(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["tools.demo", *map(str, argv)])
    with pytest.raises(SystemExit) as stop:
        command_line(demo.main)()
    return stop.value.code, capsys.readouterr()


class TestDemo:
    def test_floors_are_those_of_the_files_and_the_untrained_fails(self, made, monkeypatch, capsys):
        monkeypatch.setattr(demo, "FRAMES", 2)
        status, printed = run(monkeypatch, capsys, *made)
        assert status == 1 and "NOT better than both floors" in printed.out
        pairs = read_pairs(made[1] / "test" / "pairs.csv")

        def gap(name):
            pictures = [[np.asarray(Image.open(getattr(p, n))) / 255.0 for n in (name, "target")] for p in pairs]
            return np.mean([np.abs(a - b).mean() for a, b in pictures])

        for name in ("identity", "pose"):
            shown = re.search(rf"{name} returned unchanged\s+([\d.]+)", printed.out)
            assert float(shown[1]) == pytest.approx(gap(name), abs=1e-4)
        assert printed.out.count("no weights") == 4 and "LPIPS is not measured" in printed.out
        sheet = Image.open(made[0] / "demo.png")
        assert sheet.width > sheet.height > 6 * 32
        walk, frames = Image.open(made[0] / "walk.gif"), json.loads((made[0] / "walk_sheet.json").read_text())["frames"]
        assert walk.n_frames == len(frames) == 3 * 2 and walk.size == (256, 256)

    def test_a_dataset_without_pairs_is_refused(self, made, tmp_path, monkeypatch, capsys):
        status, printed = run(monkeypatch, capsys, made[0], tmp_path)
        assert status == 2 and "no such pairs file" in printed.err


class TestScore:
    FLOORS = (Score(0.07, 0.55, 0.15), Score(0.06, 0.60, 0.23))

    @pytest.mark.parametrize("score", [Score(0.065, 0.7, 0.1), Score(0.05, 0.58, 0.1), Score(0.05, 0.7, 0.16)])
    def test_one_metric_that_is_behind_one_floor_is_enough_to_fail(self, score):
        assert not score.beats(self.FLOORS)

    def test_better_in_all_metrics_beats_the_floors(self):
        assert Score(0.05, 0.7, 0.1).beats(self.FLOORS)

    def test_lpips_counts_only_where_it_is_measured(self):
        floors = tuple(floor._replace(lpips=None) for floor in self.FLOORS)
        assert Score(0.05, 0.7, None).beats(floors)
        assert "no weights" in demo.table({"trained now": Score(0.05, 0.7, None)})


class TestLpipsAtHand:
    def test_without_weights_on_this_computer_there_is_a_reason_and_no_download(self, tmp_path):
        found, why = demo.lpips_at_hand()
        assert found is None and "CAPTURE_WEIGHTS" in why
        (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
        found, why = demo.lpips_at_hand()
        assert found is None and "alexnet" in why

    def test_weights_of_the_named_folder_measure(self, shared, monkeypatch):
        if not (shared / "weights" / "alexnet_features.pth").is_file():
            pytest.skip("no weights of AlexNet in ../shared")
        monkeypatch.setenv("CAPTURE_WEIGHTS", str(shared / "weights"))
        found, why = demo.lpips_at_hand()
        assert found is not None and not why
        picture = torch.rand(1, 3, 64, 64)
        assert found(picture, picture).item() == 0


class TestConfiguration:
    @pytest.mark.parametrize("stage", ("layout", "joint"))
    def test_both_stages_learn_from_toon_files_without_the_weights_of_another_network(self, stage, tmp_path):
        few = {"test_characters": 2, "test_clips": 1}
        write_toon(tmp_path / "toon", 2, 2, 1, 64, 0, uv=True, workers=1, progress=False, views="front", **few)
        config = load_config(
            ["configs/small_parts.yaml"],
            ["--stage", stage, "--dataset_path", str(tmp_path / "toon"), "--num_workers", "0", "--batch_size", "2"],
        )
        data = open_data(config, batch_keys(config))
        (metrics,) = Trainer(config, data, tmp_path / "result").run_steps(1)
        assert metrics["layout_ce"].isfinite() and ("G_target" in metrics) == (stage == "joint")
        assert "G_perceptual" not in metrics


class TestVerdict:
    FLOORS = (demo.Score(0.07, 0.55, 0.15), demo.Score(0.08, 0.60, 0.20))

    @pytest.mark.parametrize(
        ("score", "said"),
        [
            (demo.Score(0.04, 0.7, 0.14), "better than both floors in L1, SSIM and LPIPS"),
            (demo.Score(0.04, 0.7, None), "better than both floors in L1 and SSIM"),
            (demo.Score(0.04, 0.7, 0.16), "better than both floors in L1 and SSIM, NOT in LPIPS"),
            (demo.Score(0.04, 0.58, 0.1), "NOT better than both floors"),
        ],
    )
    def test_it_names_the_metrics(self, score, said):
        assert demo.verdict(score, self.FLOORS).startswith(said)
