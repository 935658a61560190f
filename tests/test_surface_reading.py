"""The stage in which the body learns from surfaces: what it trains, what it leaves, and going on from it."""

from __future__ import annotations

import json

import torch

from capture.checkpoint import export_generator, latest_path, load_checkpoint
from capture.trainer import Trainer
from capture.transfer import PoseTransfer
from datasets import open_data
from tests.conftest import tiny_config

ARGV = ("--dataset_path", "toon", "--reuse_drawings", "true", "--body_parts", "25", "--patch", "2")
ARGV += ("--image_size", "64")
READING = ("--method", "surfaces", "--gen_surfaceLoss_weight", "1", "--validation_pairs", "0")
READING += ("--samples_per_epoch", "80")


def test_the_body_learns_the_rest_stays_and_capture_goes_on(tmp_path):
    where = ("--result_path", str(tmp_path), "--result_title", "read", "--num_epochs", "2")
    config = tiny_config(*ARGV, *READING, "--lr_G", "0.002", *where)
    trainer = Trainer(config, open_data(config), tmp_path / "read")
    before = {name: value.clone() for name, value in trainer.networks["gen"].state_dict().items()}
    assert trainer.train()
    first, last = (json.loads(line) for line in (tmp_path / "read" / "metrics.jsonl").read_text().splitlines())
    for miss in ("read_miss", "layout_miss"):
        assert last[miss] < 0.9 * first[miss]
    moved = {n for n, value in trainer.networks["gen"].state_dict().items() if not torch.equal(value, before[n])}
    assert moved and all(n.startswith("body.") for n in moved)

    read = load_checkpoint(latest_path(tmp_path / "read"))["ema_state_dict"]
    exported = tmp_path / "read.safetensors"
    export_generator(exported, read, config)
    generator = PoseTransfer.load(exported, "cpu").generator
    assert all(torch.equal(value, read[name]) for name, value in generator.state_dict().items())

    argv = ("--start_from", str(tmp_path / "read"), "--gen_targetLoss_weight", "1", "--num_epochs", "1")
    for title, weight in (("on", "0"), ("taught", "1")):
        where = ("--result_path", str(tmp_path), "--samples_per_epoch", "4", "--gen_surfaceLoss_weight", weight)
        config = tiny_config(*ARGV, *argv, *where)
        assert Trainer(config, open_data(config), tmp_path / title).train()
        went_on = load_checkpoint(latest_path(tmp_path / title))["gen_state_dict"]
        name = "body.reader.last.weight"
        assert torch.equal(went_on[name], read[name]) == (weight == "0")
        assert (went_on[name] - read[name]).abs().max() < 0.1 * read[name].abs().max()
        assert not torch.equal(
            went_on["decoder.painter.colour.conv.weight"], read["decoder.painter.colour.conv.weight"]
        )


def test_what_it_cannot_teach_is_one_line(mixamo_tree, tmp_path, bad_input):
    from tests.conftest import TINY_ARGV

    where = ("--result_path", str(tmp_path), "--result_title", "run")
    argv = (*TINY_ARGV, *ARGV, *READING, *where)
    assert "set generator_config.body_parts" in bad_input("train.py", *argv, "--body_parts", "0")
    assert "gen_surfaceLoss_weight is 0" in bad_input("train.py", *argv, "--gen_surfaceLoss_weight", "0")
    assert "taught by maps, which this data has not" in bad_input("train.py", *argv, "--dataset_path", str(mixamo_tree))
    assert not (tmp_path / "run").exists()
    line = bad_input("train.py", *argv, "--image_size", "32")
    assert "image_size 32 must be a multiple of 32 = patch * 16, and at least 64" in line
