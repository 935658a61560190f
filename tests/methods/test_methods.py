"""The baselines behind the same contract as CaPTURe: the one trainer, resume, processes, rendering, the table."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.config.load import flatten, load_config
from capture.config.yaml import read_yaml
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, load_image, normalise
from capture.training.trainer import Trainer
from tests.common.test_processes import launch
from tests.conftest import ROOT, TINY_ARGV, draw_figure, tiny_config

SMALL = {  # the smallest networks that have every part
    "perceptual": "none",
    "baseline_config.scales": "[1.0, 0.5]",
    "fomm.num_kp": 3,
    "fomm.kp_detector.block_expansion": 4,
    "fomm.kp_detector.max_features": 16,
    "fomm.kp_detector.num_blocks": 2,
    "fomm.kp_detector.scale_factor": 0.5,
    "fomm.generator.block_expansion": 4,
    "fomm.generator.max_features": 8,
    "fomm.generator.num_bottleneck_blocks": 1,
    "fomm.dense_motion.block_expansion": 4,
    "fomm.dense_motion.max_features": 16,
    "fomm.dense_motion.num_blocks": 2,
    "fomm.discriminator.block_expansion": 4,
    "fomm.discriminator.max_features": 8,
    "fomm.discriminator.num_blocks": 2,
    "fomm.loss_weights.generator_gan": 1,
    "fomm.loss_weights.feature_matching": "[10.0, 10.0]",
    "mraa.num_regions": 3,
    "mraa.mode": "avd",
    "mraa.region_predictor.block_expansion": 4,
    "mraa.region_predictor.max_features": 16,
    "mraa.region_predictor.num_blocks": 2,
    "mraa.region_predictor.scale_factor": 0.5,
    "mraa.background.block_expansion": 4,
    "mraa.background.max_features": 16,
    "mraa.background.num_blocks": 2,
    "mraa.generator.block_expansion": 4,
    "mraa.generator.max_features": 8,
    "mraa.generator.num_bottleneck_blocks": 1,
    "mraa.pixelwise_flow.block_expansion": 4,
    "mraa.pixelwise_flow.max_features": 16,
    "mraa.pixelwise_flow.num_blocks": 2,
    "main_config.init": "xavier",
}
SMALL_ARGV = [part for key, value in SMALL.items() for part in (f"--{key}", str(value))]
BASELINES = pytest.mark.parametrize("method", ("fomm", "mraa"))


def arguments(method: str, tree, *more: str) -> list[str]:
    return [*SMALL_ARGV, "--method", method, "--dataset_path", str(tree), *more]


def run(config, folder, stop: int | None = None):
    """Train to the end, or save at a step and leave."""
    trainer = Trainer(config, open_data(config), folder)
    if stop is None:
        assert trainer.train()
        return trainer
    batches = trainer._batches()
    while trainer.step_number < stop:
        trainer.meters.add(trainer.step(trainer._to_device(next(batches))))
        trainer.step_number += 1
    trainer.save(latest_path(folder))
    return trainer


@BASELINES
def test_overlays_are_complete_and_build(method):
    assert load_config([ROOT / f"configs/{method}.yaml"])["train_config"]["lr_G"] == 2e-4  # as published
    config = load_config([ROOT / f"configs/{method}.yaml", ROOT / "configs/small_baselines.yaml"])
    assert config["main_config"]["method"] == method
    known = dict(flatten(load_config()))
    for key, value in flatten(read_yaml(ROOT / f"configs/{method}.yaml")):
        assert value != known[key], f"{key} is the default already"
    from capture.methods.build import build_generator

    network = build_generator(config).eval()
    assert network(*torch.zeros(2, 1, 3, 64, 64)).shape == (1, 3, 64, 64)


@BASELINES
def test_every_parameter_gets_a_gradient_from_its_own_update(method, mixamo_tree, tmp_path):
    config = tiny_config(*arguments(method, mixamo_tree))
    trainer = Trainer(config, open_data(config), tmp_path)
    trainer.step(trainer._to_device(next(trainer._batches())))
    for network in trainer.networks.values():
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


@BASELINES
def test_training_learns_and_resumes_bit_for_bit(method, mixamo_tree, tmp_path):
    more = ("--samples_per_epoch", "48", "--lr_G", "0.002", "--num_epochs", "3")
    config = tiny_config(*arguments(method, mixamo_tree, *more))
    run(config, tmp_path / "straight")
    rows = [json.loads(line) for line in (tmp_path / "straight" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["G_perceptual"] < 0.9 * rows[0]["G_perceptual"]
    run(config, tmp_path / "resumed", stop=11)
    run(config, tmp_path / "resumed")
    one, other = (load_checkpoint(latest_path(tmp_path / name)) for name in ("straight", "resumed"))
    for key in one:
        if key.endswith("state_dict"):
            assert all(torch.equal(one[key][name], other[key][name]) for name in one[key]), key


@pytest.fixture(scope="module")
def results(mixamo_tree, tmp_path_factory):
    """A result folder of each baseline."""
    folder = tmp_path_factory.mktemp("baselines")
    for method in ("fomm", "mraa"):
        config = tiny_config(*arguments(method, mixamo_tree, "--num_epochs", "1", "--result_title", method))
        run(config, folder / method)
    return folder


@BASELINES
def test_a_result_renders_exports_and_is_measured(method, results, mixamo_tree, tmp_path, run_main):
    draw_figure(tmp_path / "A.png", 1, 2), draw_figure(tmp_path / "B.png", 2, 5)
    pictures = ("--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "B.png")
    result, exported = results / method, tmp_path / f"{method}.safetensors"
    assert run_main("save_result.py", result, *pictures, "--save_dir", tmp_path / "one")[0] == 0
    assert run_main("save_result.py", result, "--export", exported)[0] == 0
    assert run_main("save_result.py", exported, *pictures, "--save_dir", tmp_path / "two")[0] == 0
    assert (tmp_path / "one/output.png").read_bytes() == (tmp_path / "two/output.png").read_bytes()
    pairs = mixamo_tree / "test" / "pairs.csv"
    status, out, err = run_main("evaluate.py", result, "--pairs", pairs, "--out", tmp_path / "table")
    assert status == 0 and method in out, err


def test_driving_a_baseline_encodes_nothing_twice_and_agrees(results):
    transfer = PoseTransfer.load(results / "fomm", "cpu")
    pictures = (torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    driven = torch.cat(list(transfer.drive(pictures[:1], iter(pictures[1:]), batch_size=2)))
    alone = transfer.render(pictures[:1].expand(3, -1, -1, -1), pictures[1:])
    assert (driven.int() - alone.int()).abs().max() <= 1


@BASELINES
def test_relative_mode_starts_from_the_identity_and_moves_with_the_video(method, results, tmp_path, run_main):
    for i in range(3):
        draw_figure(tmp_path / "video" / f"{i}.png", 2, 4 * i)
    draw_figure(tmp_path / "A.png", 1, 2)
    argv = (results / method, "--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "video")
    assert run_main("save_result.py", *argv, "--save_dir", tmp_path / "out", "--relative", "--batch_size", "2")[0] == 0
    made = [load_image(tmp_path / f"out/A__{i}/output.png", 32) for i in range(3)]
    transfer = PoseTransfer.load(results / method, "cpu")
    identity = normalise(load_image(tmp_path / "A.png", 32))[None]
    network = transfer.generator
    still = network(identity, identity) if method == "fomm" else network.transfer(identity, identity)
    assert (denormalise(still)[0].int() - made[0].int()).abs().max() <= 1  # nothing has moved yet
    assert not torch.equal(made[0], made[2])


def test_relative_mode_of_another_method_is_one_line(mixamo_tree, tmp_path, bad_input):
    config = tiny_config("--dataset_path", str(mixamo_tree), "--num_epochs", "1")
    run(config, tmp_path / "run")
    draw_figure(tmp_path / "A.png", 1, 2)
    argv = ("--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "A.png", "--save_dir", tmp_path / "out")
    assert "only FOMM and MRAA" in bad_input("save_result.py", tmp_path / "run", *argv, "--relative")
    assert not (tmp_path / "out").exists()


@BASELINES
def test_checkpoints_of_the_authors_form_render(method, results, tmp_path, run_main):
    network = PoseTransfer.load(results / method, "cpu").generator
    names = {"fomm": ("kp_detector", "generator"), "mraa": ("region_predictor", "bg_predictor", "generator")}[method]
    names += ("avd_network",) if method == "mraa" else ()
    published = {name: getattr(network, name).state_dict() for name in names}
    (tmp_path / "released").mkdir()
    path = tmp_path / "released" / "vox-256.pth.tar"
    torch.save({**published, "epoch": 99, "optimizer_generator": {"state": {}, "param_groups": []}}, path)
    shutil.copy(results / method / "0config.yaml", tmp_path / "released")
    draw_figure(tmp_path / "A.png", 1, 2), draw_figure(tmp_path / "B.png", 2, 5)
    pictures = ("--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "B.png")
    assert run_main("save_result.py", path, *pictures, "--save_dir", tmp_path / "one")[0] == 0
    assert run_main("save_result.py", results / method, *pictures, "--save_dir", tmp_path / "two")[0] == 0
    assert (tmp_path / "one/output.png").read_bytes() == (tmp_path / "two/output.png").read_bytes()


def test_an_authors_checkpoint_of_another_configuration_is_one_line(results, tmp_path, bad_input):
    network = PoseTransfer.load(results / "fomm", "cpu").generator
    path = tmp_path / "vox-256.pth.tar"  # and no 0config.yaml beside it: taken for the authors' own
    torch.save({name: getattr(network, name).state_dict() for name in ("kp_detector", "generator")}, path)
    draw_figure(tmp_path / "A.png", 1, 2)
    argv = ("--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "A.png", "--save_dir", tmp_path / "out")
    assert "made for another configuration" in bad_input("save_result.py", path, *argv)
    assert not (tmp_path / "out").exists()


def test_two_processes_make_the_run_of_one_with_batch_statistics_of_their_own(mixamo_tree, tmp_path):
    """Weights stay equal; each process normalises its own share (on GPUs, all shares together)."""
    argv = arguments("mraa", mixamo_tree, "--samples_per_epoch", "16", "--batch_size", "4", "--num_epochs", "1")
    folder = tmp_path / "two"
    process = launch("tests/helpers/rank_program.py", mixamo_tree, folder, "4", *argv)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["drift"] == {"gen": 0.0, "ema": 0.0}


def test_learning_rates_drop_to_a_tenth(mixamo_tree, tmp_path):
    config = tiny_config(*arguments("fomm", mixamo_tree, "--lr_drop_epochs", "[1, 2]", "--num_epochs", "3"))
    trainer = Trainer(config, open_data(config), tmp_path)
    seen = []
    for trainer.step_number in (0, 2, 3, 5, 6, 8):  # three steps an epoch
        trainer._set_learning_rates()
        seen.append(trainer.optimisers["gen"].param_groups[0]["lr"])
    assert seen == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])


def test_missing_perceptual_weights_and_bad_sizes_are_one_line(mixamo_tree, tmp_path, bad_input, monkeypatch):
    monkeypatch.setenv("CAPTURE_WEIGHTS", str(tmp_path))
    argv = [*TINY_ARGV, *arguments("fomm", mixamo_tree, "--result_path", str(tmp_path), "--result_title", "x")]
    message = bad_input("train.py", *argv, "--perceptual", "alexnet", "--baseline_config.scales", "[1.0]")
    assert "perceptual alexnet" in message and "set perceptual to another of" in message
    assert "at least 2 samples" in bad_input("train.py", *argv, "--method", "mraa", "--batch_size", "1")
    assert "multiple of" in bad_input("train.py", *argv, "--fomm.kp_detector.num_blocks", "7")
    assert not (tmp_path / "x").exists()
    shutil.rmtree(tmp_path)
