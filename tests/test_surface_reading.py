"""The stage in which the encoders learn to read surfaces: what it trains, what it leaves, and going on from it."""

from __future__ import annotations

import json

import torch

from capture.checkpoint import latest_path, load_checkpoint
from capture.trainer import Trainer
from datasets import open_data
from tests.conftest import tiny_config

ARGV = ("--dataset_path", "toon", "--reuse_drawings", "true", "--gen_surfaceLoss_weight", "1", "--attn_rows", "output")
ARGV += ("--attn_width", "16", "--dec_config.t", "0.07", "--dec_config.warp", "true")
READING = ("--method", "surfaces", "--validation_pairs", "0", "--samples_per_epoch", "80", "--num_epochs", "2")


def test_encoders_learn_the_rest_stays_and_capture_goes_on(tmp_path):
    config = tiny_config(*ARGV, *READING, "--lr_G", "0.005", "--result_path", str(tmp_path), "--result_title", "read")
    trainer = Trainer(config, open_data(config), tmp_path / "read")
    before = {name: value.clone() for name, value in trainer.networks["gen"].state_dict().items()}
    assert trainer.train()
    first, last = (json.loads(line) for line in (tmp_path / "read" / "metrics.jsonl").read_text().splitlines())
    for who in ("identity_miss", "pose_miss"):
        assert last[who] < 0.95 * first[who]
    moved = {n for n, value in trainer.networks["gen"].state_dict().items() if not torch.equal(value, before[n])}
    assert moved and all(n.startswith(("idenity_encoder", "pose_encoder", "decoder.")) for n in moved)
    in_decoder = {n for n in moved if n.startswith("decoder.")}
    assert all("_context." in n or ".key_conv." in n for n in in_decoder) and len(in_decoder) > 4

    argv = ("--start_from", str(tmp_path / "read"), "--gen_targetLoss_weight", "1", "--num_epochs", "1")
    config = tiny_config(*ARGV, *argv, "--samples_per_epoch", "4", "--result_path", str(tmp_path))
    assert Trainer(config, open_data(config), tmp_path / "on").train()
    read = load_checkpoint(latest_path(tmp_path / "read"))["gen_state_dict"]
    went_on = load_checkpoint(latest_path(tmp_path / "on"))["gen_state_dict"]
    name = "decoder.attnModule_256.0.key_conv.weight"
    assert (went_on[name] - read[name]).abs().max() < 0.1 * read[name].abs().max()


def test_what_it_cannot_teach_is_one_line(mixamo_tree, tmp_path, bad_input):
    from tests.conftest import TINY_ARGV

    where = ("--result_path", str(tmp_path), "--result_title", "run")
    argv = (*TINY_ARGV, "--dataset_path", "toon", *READING, *where)
    assert "attn_rows are output" in bad_input("train.py", *argv, "--gen_surfaceLoss_weight", "1")
    output = ("--attn_rows", "output", "--gen_surfaceLoss_weight")
    assert "gen_surfaceLoss_weight is 0" in bad_input("train.py", *argv, *output, "0")
    argv = (*TINY_ARGV, "--dataset_path", str(mixamo_tree), *READING, *where)
    assert "no maps of surfaces" in bad_input("train.py", *argv, *output, "1")
