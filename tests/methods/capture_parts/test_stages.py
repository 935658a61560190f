"""The stages in which the body learns from surfaces: what they train, what they leave, and going on from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from capture.checkpoints.checkpoint import export_generator, latest_path, load_checkpoint
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.training.trainer import Trainer, new_method
from tests.conftest import tiny_config

ARGV = ("--dataset_path", "toon", "--reuse_drawings", "true", "--body_parts", "25", "--patch", "2")
ARGV += ("--image_size", "64")
READING = ("--method", "surfaces", "--gen_surfaceLoss_weight", "1", "--validation_pairs", "0")
READING += ("--samples_per_epoch", "80")


def taught(folder: Path, *argv: str) -> tuple[dict, dict, dict, set[str]]:
    """Two epochs of a stage: its configuration, what the log says of both, and the weights that moved."""
    where = ("--result_path", str(folder.parent), "--result_title", folder.name, "--num_epochs", "2")
    config = tiny_config(*ARGV, *READING, "--lr_G", "0.0005", *where, *argv)
    trainer = Trainer(config, open_data(config), folder)
    before = {name: value.clone() for name, value in trainer.networks["gen"].state_dict().items()}
    assert trainer.train()
    first, last = (json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines())
    after = trainer.networks["gen"].state_dict()
    return config, first, last, {name for name, value in after.items() if not torch.equal(value, before[name])}


def test_the_reader_learns_by_itself_and_the_body_goes_on(tmp_path):
    _, first, last, moved = taught(tmp_path / "read", "--method", "reading")
    assert last["read_miss"] < 0.9 * first["read_miss"]
    assert moved and all(name.startswith("body.reader.") for name in moved)
    config = tiny_config(*ARGV, *READING, "--result_path", str(tmp_path), "--start_from", str(tmp_path / "read"))
    trainer = Trainer(config, open_data(config), tmp_path / "surfaces")
    read = load_checkpoint(latest_path(tmp_path / "read"))["ema_state_dict"]
    assert all(torch.equal(value, read[name]) for name, value in trainer.networks["gen"].state_dict().items())


def test_the_body_learns_the_rest_stays_and_capture_goes_on(tmp_path):
    config, first, last, moved = taught(tmp_path / "read")
    assert all(last[miss] < 0.9 * first[miss] for miss in ("read_miss", "layout_miss"))
    assert moved and all(name.startswith("body.") for name in moved)

    read = load_checkpoint(latest_path(tmp_path / "read"))["ema_state_dict"]
    exported = tmp_path / "read.safetensors"
    export_generator(exported, read, config)
    generator = PoseTransfer.load(exported, "cpu").generator
    assert all(torch.equal(value, read[name]) for name, value in generator.state_dict().items())

    argv = ("--start_from", str(tmp_path / "read"), "--gen_targetLoss_weight", "1", "--num_epochs", "1")
    for title, weight, learns in (("on", "0", "all"), ("taught", "1", "all"), ("tuned", "1", "layout")):
        where = ("--result_path", str(tmp_path), "--samples_per_epoch", "4", "--gen_surfaceLoss_weight", weight)
        config = tiny_config(*ARGV, *argv, *where, "--body_learns", learns)
        assert Trainer(config, open_data(config), tmp_path / title).train()
        went_on = load_checkpoint(latest_path(tmp_path / title))["gen_state_dict"]
        name = "body.reader.last.weight"
        assert torch.equal(went_on[name], read[name]) == (title != "taught")
        layout = "body.layout.fine.weight"
        assert torch.equal(went_on[layout], read[layout]) == (title == "on")
        assert (went_on[name] - read[name]).abs().max() < 0.1 * read[name].abs().max()
        assert not torch.equal(
            went_on["decoder.painter.colour.conv.weight"], read["decoder.painter.colour.conv.weight"]
        )


def test_what_is_read_stays_where_only_the_motion_learns(tmp_path):
    config, first, last, moved = taught(tmp_path / "moves", "--body_learns", "motion")
    assert last["layout_miss"] < 0.9 * first["layout_miss"]
    read = {name for name in moved if name.startswith("body.reader.")}
    assert read == {"body.reader.last.weight", "body.reader.last.bias"}
    assert {name.split(".")[1] for name in moved} == {"reader", "motion", "layout"}
    trainer = Trainer(config, open_data(config), tmp_path / "fresh")
    untaught = trainer.networks["gen"].state_dict()["body.reader.last.weight"]
    taught_ones = load_checkpoint(latest_path(tmp_path / "moves"))["gen_state_dict"]["body.reader.last.weight"]
    assert torch.equal(untaught[:26], taught_ones[:26]) and not torch.equal(untaught[26:], taught_ones[26:])


def test_a_layout_learns_alone(tmp_path):
    _, first, last, moved = taught(tmp_path / "lays", "--body_learns", "layout")
    assert last["layout_miss"] < 0.9 * first["layout_miss"]
    assert moved and all(name.startswith("body.layout.") for name in moved)


@pytest.mark.parametrize("method", ["surfaces", "capture"])
def test_the_share_that_reaches_the_reader_is_the_configurations(method):
    config = tiny_config(*ARGV, *READING, "--method", method, "--body_to_reader", "0.25")
    assert new_method(config).networks["gen"].body.to_reader == 0.25


def test_what_it_cannot_teach_is_one_line(mixamo_tree, tmp_path, bad_input):
    from tests.conftest import TINY_ARGV

    where = ("--result_path", str(tmp_path), "--result_title", "run")
    argv = (*TINY_ARGV, *ARGV, *READING, *where)
    assert "set generator_config.body_parts" in bad_input("train.py", *argv, "--body_parts", "0")
    assert "gen_surfaceLoss_weight is 0" in bad_input("train.py", *argv, "--gen_surfaceLoss_weight", "0")
    tuned = ("--method", "capture", "--body_learns", "layout", "--gen_surfaceLoss_weight", "0")
    assert "set gen_surfaceLoss_weight, or this to all" in bad_input("train.py", *argv, *tuned)
    line = bad_input("train.py", *argv, *tuned, "--body_parts", "0")
    assert "body_learns: a layout learns from surfaces; set generator_config.body_parts" in line
    for method, stages in (("reading", "all"), ("capture", "all or layout"), ("fomm", "all")):
        line = bad_input("train.py", *argv, "--method", method, "--body_learns", "motion")
        assert f"body_learns is motion; method {method} takes {stages}" in line
    line = bad_input("train.py", *argv, "--method", "reading", "--body_parts", "0")
    assert "method reading: teaches a body" in line
    assert "taught by maps, which this data has not" in bad_input("train.py", *argv, "--dataset_path", str(mixamo_tree))
    assert not (tmp_path / "run").exists()
    line = bad_input("train.py", *argv, "--image_size", "32")
    assert "image_size 32 must be a multiple of 32 = patch * 16, and at least 64" in line
