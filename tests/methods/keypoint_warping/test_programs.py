"""FOMM and MRAA through the trainer and the programs: resume, rendering, relative mode, published weights, refusals."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.config.load import load_config
from capture.data.open_data import open_data
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, load_image, normalise
from capture.methods.build import batch_keys, build_generator
from capture.training.trainer import Trainer
from tests.conftest import ROOT, draw_figure, tiny_argv, tiny_config

BASELINES = pytest.mark.parametrize("method", ("fomm", "mraa"))
GAN = ("--loss_weights.generator_gan", "1", "--loss_weights.feature_matching", "[10.0, 10.0]")
TRUE_TARGETS = {
    "fomm": ("--true_targets", "true"),
    "mraa": ("--true_targets", "true", "--mraa_config.mode", "absolute"),
}


def arguments(method: str, tree, *more: str) -> list[str]:
    """What follows tiny_argv(method) on a command line: the method with all its networks, and its data."""
    return ["--method", method, "--dataset_path", str(tree), *(GAN if method == "fomm" else ()), *more]


def train(config, folder, steps: int | None = None) -> Trainer:
    """Train to the end, or take some steps, save and leave."""
    trainer = Trainer(config, open_data(config, batch_keys(config)), folder)
    if steps is None:
        assert trainer.train()
    else:
        trainer.run_steps(steps)
        trainer.save(latest_path(folder))
    return trainer


@pytest.fixture(scope="module")
def results(mixamo_tree, tmp_path_factory):
    """A result folder of each method."""
    folder = tmp_path_factory.mktemp("baselines")
    for method in ("fomm", "mraa"):
        train(tiny_config(*arguments(method, mixamo_tree, "--num_epochs", "1")), folder / method)
    return folder


@pytest.fixture
def drawn(tmp_path):
    """Options for an identity and a pose picture."""
    draw_figure(tmp_path / "A.png", 1, 2), draw_figure(tmp_path / "B.png", 2, 5)
    return "--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "B.png"


class TestBaselineTraining:
    @BASELINES
    def test_small_overlays_build_and_render(self, method):
        config = load_config([ROOT / f"configs/{method}.yaml", ROOT / f"configs/small_{method}.yaml"])
        assert config["main_config"]["method"] == method
        network, blank = build_generator(config).eval(), torch.zeros(1, 3, 64, 64)
        assert network({"identity": blank, "pose": blank}).shape == (1, 3, 64, 64)

    @BASELINES
    def test_every_parameter_gets_a_gradient_from_its_own_update(self, method, mixamo_tree, tmp_path):
        trainer = train(tiny_config(*arguments(method, mixamo_tree)), tmp_path, steps=1)
        for network in trainer.networks.values():
            for name, parameter in network.named_parameters():
                assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name

    @BASELINES
    def test_training_learns_and_resumes_bit_for_bit(self, method, mixamo_tree, tmp_path):
        more = ("--samples_per_epoch", "32", "--lr_G", "0.002", "--interval", "1", "--save_minimum_epoch", "0")
        train(tiny_config(*arguments(method, mixamo_tree, *more, "--num_epochs", "2")), tmp_path / "straight")
        rows = [json.loads(line) for line in (tmp_path / "straight" / "metrics.jsonl").read_text().splitlines()]
        assert rows[-1]["G_perceptual"] < 0.9 * rows[0]["G_perceptual"]  # tests of each method ask for more
        config = tiny_config(*arguments(method, mixamo_tree, *more, "--num_epochs", "1"))
        train(config, tmp_path / "resumed", steps=7)
        train(config, tmp_path / "resumed")
        one = load_checkpoint(tmp_path / "straight" / "CheckPoint" / "1epoch_checkpoint.pt")
        other = load_checkpoint(latest_path(tmp_path / "resumed"))
        assert one["step"] == other["step"] == 16
        for key in one:
            if key.endswith("state_dict"):
                assert all(torch.equal(one[key][name], other[key][name]) for name in one[key]), key

    @BASELINES
    def test_training_on_true_targets(self, method, mixamo_tree, tmp_path):
        more = (*TRUE_TARGETS[method], "--num_epochs", "1")
        train(tiny_config(*arguments(method, mixamo_tree, *more)), tmp_path / "run")


class TestBaselineRendering:
    @BASELINES
    def test_a_result_renders_exports_and_is_measured(self, method, results, mixamo_tree, drawn, tmp_path, run_main):
        result, exported = results / method, tmp_path / f"{method}.safetensors"
        assert run_main("save_result.py", result, *drawn, "--save_dir", tmp_path / "one")[0] == 0
        assert run_main("save_result.py", result, "--export", exported)[0] == 0
        assert run_main("save_result.py", exported, *drawn, "--save_dir", tmp_path / "two")[0] == 0
        assert (tmp_path / "one/output.png").read_bytes() == (tmp_path / "two/output.png").read_bytes()
        pairs = mixamo_tree / "test" / "pairs.csv"
        status, out, err = run_main("evaluate.py", result, "--pairs", pairs, "--out", tmp_path / "table")
        assert status == 0 and method in out, err

    def test_drive_agrees_with_render(self, results):
        transfer = PoseTransfer.load(results / "fomm", "cpu")
        pictures = (torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
        driven = torch.cat(list(transfer.drive(pictures[:1], iter(pictures[1:]), batch_size=2)))
        alone = transfer.render(pictures[:1].expand(3, -1, -1, -1), pictures[1:])
        assert (driven.int() - alone.int()).abs().max() <= 1

    @BASELINES
    def test_relative_mode_starts_from_the_identity_and_moves_with_the_video(self, method, results, tmp_path, run_main):
        for i in range(3):
            draw_figure(tmp_path / "video" / f"{i}.png", 2, 4 * i)
        draw_figure(tmp_path / "A.png", 1, 2)
        argv = (results / method, "--iden_path", tmp_path / "A.png", "--pose_path", tmp_path / "video")
        more = ("--save_dir", tmp_path / "out", "--relative", "--batch_size", "2", "--framing", "as_is")
        assert run_main("save_result.py", *argv, *more)[0] == 0
        made = [load_image(tmp_path / f"out/A__{i}/output.png", 32) for i in range(3)]
        network = PoseTransfer.load(results / method, "cpu").generator
        identity = normalise(load_image(tmp_path / "A.png", 32))[None]
        inputs = {"identity": identity, "pose": identity}
        still = network(inputs) if method == "fomm" else network.transfer(inputs, "absolute")
        assert (denormalise(still)[0].int() - made[0].int()).abs().max() <= 1  # nothing has moved yet
        assert not torch.equal(made[0], made[2])


class TestBaselinePublished:
    @BASELINES
    def test_checkpoints_of_the_authors_form_render(self, method, results, drawn, tmp_path, run_main):
        network = PoseTransfer.load(results / method, "cpu").generator
        names = {
            "fomm": ("kp_detector", "generator"),
            "mraa": ("region_predictor", "bg_predictor", "generator", "avd_network"),
        }[method]
        published = {name: getattr(network, name).state_dict() for name in names}
        (tmp_path / "released").mkdir()
        path = tmp_path / "released" / "vox-256.pth.tar"
        torch.save({**published, "epoch": 99, "optimizer_generator": {"state": {}, "param_groups": []}}, path)
        shutil.copy(results / method / "0config.yaml", tmp_path / "released")
        assert run_main("save_result.py", path, *drawn, "--save_dir", tmp_path / "one")[0] == 0
        assert run_main("save_result.py", results / method, *drawn, "--save_dir", tmp_path / "two")[0] == 0
        assert (tmp_path / "one/output.png").read_bytes() == (tmp_path / "two/output.png").read_bytes()

    def test_an_authors_checkpoint_of_another_configuration_is_one_line(self, results, drawn, tmp_path, bad_input):
        network = PoseTransfer.load(results / "fomm", "cpu").generator
        path = tmp_path / "vox-256.pth.tar"  # and no 0config.yaml beside it: taken for the authors' own
        torch.save({name: getattr(network, name).state_dict() for name in ("kp_detector", "generator")}, path)
        argv = (*drawn, "--save_dir", tmp_path / "out")
        assert "made for another configuration" in bad_input("save_result.py", path, *argv)
        assert not (tmp_path / "out").exists()


class TestBaselineRefusals:
    def test_relative_mode_of_another_method_is_one_line(self, untrained, drawn, tmp_path, bad_input):
        argv = (*drawn, "--save_dir", tmp_path / "out", "--relative")
        assert "no relative mode; leave --relative out" in bad_input("save_result.py", untrained, *argv)
        assert not (tmp_path / "out").exists()

    def test_missing_perceptual_weights_and_bad_sizes_are_one_line(self, mixamo_tree, tmp_path, bad_input, monkeypatch):
        monkeypatch.setenv("CAPTURE_WEIGHTS", str(tmp_path))

        def refusal(method: str, *more: str) -> str:
            where = ("--result_path", str(tmp_path), "--result_title", "x")
            return bad_input("train.py", *tiny_argv(method), *arguments(method, mixamo_tree, *where, *more))

        message = refusal("fomm", "--perceptual", "alexnet", "--fomm_config.scales", "[1.0]")
        assert "perceptual alexnet" in message and "set perceptual to another of" in message
        assert "at least 2 samples" in refusal("mraa", "--batch_size", "1")
        assert "multiple of" in refusal("fomm", "--kp_detector.num_blocks", "7")
        assert not (tmp_path / "x").exists()

    def test_true_targets_without_targets_or_with_avd_are_one_line(self, mixamo_tree, tmp_path, bad_input):
        tree = tmp_path / "tree"
        shutil.copytree(mixamo_tree, tree)
        (tree / "manifest.json").unlink()  # frames of the same number no longer show the same pose
        where = ("--result_path", str(tmp_path), "--result_title", "run", "--validation_pairs", "0")
        for method in ("fomm", "mraa"):
            more = (*where, *TRUE_TARGETS[method])
            line = bad_input("train.py", *tiny_argv(method), *arguments(method, tree, *more))
            assert f"{method}_config.true_targets: this dataset has no true targets" in line
        argv = arguments("mraa", mixamo_tree, *where, "--true_targets", "true")
        assert "set mode to absolute" in bad_input("train.py", *tiny_argv("mraa"), *argv)
        assert not (tmp_path / "run").exists()
