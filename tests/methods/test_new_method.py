"""Adding a method takes its room and one line of the registry: a toy method trains, resumes, renders, is evaluated."""

from __future__ import annotations

import json

import pytest
import torch

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.common.errors import CaptureError
from capture.config.yaml import dump_yaml
from capture.data.open_data import open_data
from capture.evaluation.evaluation import Request, evaluate
from capture.evaluation.parallel import Workers
from capture.inference.pictures import render_files
from capture.inference.transfer import PoseTransfer
from capture.io.images import load_image
from capture.methods.build import batch_keys
from capture.training.trainer import Trainer
from tests.conftest import draw_figure
from tests.helpers.toy_method import register_toy, toy_config


@pytest.fixture
def toy(tmp_path, monkeypatch):
    register_toy(tmp_path, monkeypatch)


@pytest.mark.usefixtures("toy")
class TestNewMethod:
    def test_keys_and_defaults_are_those_of_the_room(self, mixamo_tree):
        config = toy_config(mixamo_tree)
        assert config["toy_config"] == {"channels": 5} and config["train_config"]["lr_G"] == 0.01
        assert set(config) == {"main_config", "dataset_config", "toy_config", "train_config"}
        with pytest.raises(CaptureError, match="toy_config.channels: expected"):
            toy_config(mixamo_tree, "--channels", "0")

    def test_a_new_method_trains_resumes_renders_and_is_evaluated(self, mixamo_tree, tmp_path):
        config, result = toy_config(mixamo_tree), tmp_path / "result"
        data = open_data(config, batch_keys(config))
        assert Trainer(config, data, tmp_path / "straight").train()

        begun = Trainer(config, data, result)
        begun.run_steps(2)
        begun.save(latest_path(result))
        assert Trainer(config, data, result).train()
        one, other = (load_checkpoint(latest_path(folder)) for folder in (tmp_path / "straight", result))
        assert one["step"] == other["step"] == 6
        assert all(torch.equal(value, other["gen_state_dict"][name]) for name, value in one["gen_state_dict"].items())
        rows = [json.loads(line) for line in (result / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows] == [3, 6] and 0 < rows[-1]["val_L1"] < 1
        assert (result / "0config.yaml").read_text() == dump_yaml(config)

        draw_figure(tmp_path / "A.png", 1, 2), draw_figure(tmp_path / "B.png", 2, 5)
        transfer = PoseTransfer.load(result, "cpu")
        (written,) = render_files(transfer, tmp_path / "A.png", tmp_path / "B.png", tmp_path / "out")
        identity, pose = (load_image(tmp_path / name, 32)[None] for name in ("A.png", "B.png"))
        assert torch.equal(load_image(written, 32), transfer.render(identity, pose)[0])

        pairs = mixamo_tree / "test" / "pairs.csv"
        table = evaluate(Request([result], [], pairs, None, tmp_path / "table"), Workers())
        lines = {line.kind: line for line in table.lines}
        assert 0 < lines["result"].cells["l1"] < 1 and (tmp_path / "table" / "table.csv").is_file()

    def test_another_method_s_run_is_not_gone_on_with(self, mixamo_tree, tmp_path):
        config = toy_config(mixamo_tree)
        data = open_data(config, batch_keys(config))
        first = Trainer(config, data, tmp_path / "run")
        first.save(latest_path(tmp_path / "run"))
        with pytest.raises(CaptureError, match="toy_config.channels is 5 there and 6 now"):
            Trainer(toy_config(mixamo_tree, "--channels", "6"), data, tmp_path / "run")
