"""The weights in the box: small, of the documented configuration, and better than returning either input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from capture.checkpoints.checkpoint import EXPORTED, load_export
from capture.config.load import load_config
from capture.data.toon.held_out import held_out_batch
from capture.inference.transfer import PoseTransfer
from capture.io.images import load_image, normalise
from capture.metrics.image import l1, ssim
from capture.metrics.lpips import Perceptual
from tests.conftest import ROOT
from tools.showcase import CAST, POSES, ROWS

TOON = ROOT / "result" / "Toon"


def test_it_is_the_compact_configuration_in_at_most_16_mb():
    weights, config = load_export(TOON / EXPORTED)
    assert (TOON / EXPORTED).stat().st_size <= 16e6
    expected = load_config([ROOT / "configs" / "compact.yaml"])
    assert config["generator_config"] == expected["generator_config"]
    assert config["dataset_config"]["image_size"] == 128 and len(weights) > 50


def test_the_readmes_first_command(tmp_path, run_main):
    pair = ("--iden_path", ROOT / "examples" / "a.png", "--pose_path", ROOT / "examples" / "b.png")
    status, out, err = run_main("save_result.py", TOON, *pair, "--save_dir", tmp_path / "out")
    assert status == 0, err
    shown = np.asarray(Image.open(tmp_path / "out" / "output.png"), np.int16)
    assert shown.shape == (128, 128, 3)
    figure = np.abs(shown - shown[0, 0]).max(axis=2) > 24
    assert 0.05 < figure.mean() < 0.5  # somebody stands there


def test_held_out_characters_are_closer_to_the_truth_than_either_input():
    pairs = held_out_batch(24, 128, seed=5, views="front")
    output = PoseTransfer.load(TOON, "cpu").render(pairs["identity"], pairs["pose"]).float() / 255
    target = pairs["target"].float() / 255
    for metric, better in ((l1, torch.lt), (ssim, torch.gt)):
        mine = metric(output, target).mean()
        for name in ("identity", "pose"):
            assert better(mine, metric(pairs[name].float() / 255, target).mean()), (metric.__name__, name)


def test_lpips_is_at_most_half_of_the_better_floors(shared):
    pairs = held_out_batch(32, 128, seed=1, views="front")
    output = PoseTransfer.load(TOON, "cpu").render(pairs["identity"], pairs["pose"])
    lpips = Perceptual.load("alex", shared / "weights")
    far = [
        lpips.differentiable(*map(normalise, (picture, pairs["target"]))).mean().item()
        for picture in (output, pairs["identity"], pairs["pose"])
    ]
    assert far[0] <= min(far[1:]) / 2, far


def test_training_in_its_folder_is_refused(tmp_path, bad_input):
    (tmp_path / "Toon").mkdir()
    for name in (EXPORTED, "0config.yaml"):
        (tmp_path / "Toon" / name).write_bytes((TOON / name).read_bytes())
    argv = ("configs/compact.yaml", "--dataset_path", "toon", "--result_path", str(tmp_path), "--result_title", "Toon")
    message = bad_input("train.py", *argv, "--gen_perceptualLoss_weight", "0")
    assert "holds a finished generator" in message and "--start_from" in message


@pytest.mark.parametrize("who", ["a", *(who for who, _ in ROWS[1:])])
def test_examples_are_our_own_characters(who):
    from capture.data.toon.rendering.render import render
    from tools.showcase import IDENTITY, shot

    name = ROWS[0][0] if who == "a" else who
    drawn = render([shot(name, *IDENTITY)], 256)["rgb"][0]
    kept = load_image(ROOT / "examples" / f"{who}.png", 256)
    assert (drawn.int() - kept.int()).abs().float().mean() < 0.5  # another machine may round otherwise


def test_poses_are_shown_by_others():
    assert all(POSES[pose][0] != who and who in CAST for who, pose in ROWS)
