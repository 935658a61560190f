"""What drives the baselines in training: as published another frame of the character, or true targets."""

from __future__ import annotations

import shutil

import pytest
import torch

from capture.data.open_data import open_data
from capture.methods.keypoint_warping.driving import driving_and_truth
from capture.methods.keypoint_warping.ranges import to_unit
from capture.training.trainer import Trainer
from tests.conftest import TINY_ARGV, tiny_config
from tests.methods.test_methods import BASELINES, arguments

TRUE = ("--true_targets", "true", "--mraa.mode", "absolute")


def batch_of(known: list[bool]) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    pictures = torch.rand(4, len(known), 3, 32, 32, generator=rng) * 2 - 1
    return dict(zip(("identity", "real", "pose", "target"), pictures)) | {"has_target": torch.tensor(known)}


def test_a_pose_drives_and_its_target_is_the_truth_where_there_is_one():
    batch = batch_of([True, False])
    driving, truth = driving_and_truth(batch, {"true_targets": True})
    assert torch.equal(driving, torch.stack([batch["pose"][0], batch["real"][1]]))
    assert torch.equal(truth, torch.stack([batch["target"][0], batch["real"][1]]))
    published = driving_and_truth(batch, {"true_targets": False})
    assert all(picture is batch["real"] for picture in published)
    del batch["target"], batch["has_target"]
    assert all(picture is batch["real"] for picture in driving_and_truth(batch, {"true_targets": True}))


@BASELINES
@pytest.mark.parametrize("true", [True, False])
def test_the_loss_compares_what_was_driven_with_its_truth(method, true, mixamo_tree, tmp_path):
    config = tiny_config(*arguments(method, mixamo_tree, *(TRUE if true else ())))
    trained = Trainer(config, open_data(config), tmp_path).method
    batch = batch_of([True, True])
    random = trained.draw_randomness(2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, parts = trained.loss("gen", batch, random, {})
        driving, truth = ("pose", "target") if true else ("real", "real")
        made = trained.networks["gen"](batch["identity"], batch[driving], details=True)["prediction"]
        expected = trained.perceptual(made, to_unit(batch[truth]))
    torch.testing.assert_close(parts["G_perceptual"], expected)


@BASELINES
def test_it_trains_on_true_targets(method, mixamo_tree, tmp_path):
    config = tiny_config(*arguments(method, mixamo_tree, *TRUE, "--num_epochs", "1"))
    assert Trainer(config, open_data(config), tmp_path / "run").train()


def test_targets_that_are_not_there_and_avd_are_one_line(mixamo_tree, tmp_path, bad_input):
    tree = tmp_path / "tree"
    shutil.copytree(mixamo_tree, tree)
    (tree / "manifest.json").unlink()  # frames of the same number no longer show the same pose
    where = ("--result_path", str(tmp_path), "--result_title", "run", "--validation_pairs", "0")
    for method in ("fomm", "mraa"):
        line = bad_input("train.py", *TINY_ARGV, *arguments(method, tree, *where, *TRUE))
        assert "baseline_config.true_targets: this data has none" in line
    line = bad_input("train.py", *TINY_ARGV, *arguments("mraa", mixamo_tree, *where, "--true_targets", "true"))
    assert "set mraa.mode absolute" in line
    assert not (tmp_path / "run").exists()
