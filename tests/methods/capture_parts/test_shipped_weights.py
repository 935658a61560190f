"""The weights in result/Toon: small, of the default configuration, and better than returning either input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from capture.checkpoints.checkpoint import EXPORTED, load_export
from capture.config.load import load_config, load_result_config
from capture.data.toon.held_out import held_out_batch
from capture.data.toon.rendering.render import render
from capture.inference.transfer import PoseTransfer
from capture.io.images import load_image, normalise
from capture.metrics.image import l1, ssim
from capture.metrics.lpips import Perceptual
from tests.conftest import ROOT
from tools.showcase import CAST, IDENTITY, POSES, ROWS, shot

TOON = ROOT / "result" / "Toon"


@pytest.fixture(scope="module")
def transfer() -> PoseTransfer:
    return PoseTransfer.load(TOON, "cpu")


@pytest.fixture(scope="module")
def held_out(transfer) -> dict[str, torch.Tensor]:
    """Pairs of characters that nobody trained on, and the pictures that the weights make of them ("output")."""
    pairs = held_out_batch(32, 128, seed=1, views="front")
    return {**pairs, "output": transfer.render(pairs["identity"], pairs["pose"])}


class TestShippedWeights:
    def test_are_of_the_default_networks_in_at_most_16_mb(self, transfer):
        weights, config, _ = load_export(TOON / EXPORTED)
        assert (TOON / EXPORTED).stat().st_size <= 16e6
        assert weights.keys() == transfer.generator.state_dict().keys()
        default = load_config([], ["--method", "capture_parts"])["capture_parts_config"]
        for found in (config, load_result_config(TOON)):
            assert found["main_config"]["method"] == "capture_parts" and found["dataset_config"]["image_size"] == 128
            parts = found["capture_parts_config"]
            for key in ("num_parts", "patch_size", "networks"):
                assert parts[key] == default[key], key

    def test_render_the_readmes_first_command(self, tmp_path, run_main):
        pair = ("--iden_path", ROOT / "examples" / "a.png", "--pose_path", ROOT / "examples" / "b.png")
        status, _, err = run_main("save_result.py", TOON, *pair, "--save_dir", tmp_path / "out")
        assert status == 0, err
        picture = np.asarray(Image.open(tmp_path / "out" / "output.png"), np.int16)
        assert picture.shape == (256, 256, 3)  # as large as the drawing
        figure = np.abs(picture - picture[0, 0]).max(axis=2) > 24
        assert 0.05 < figure.mean() < 0.5  # somebody stands there

    def test_pictures_of_held_out_characters_are_closer_to_the_truth_than_either_input(self, held_out):
        output, target = held_out["output"].float() / 255, held_out["target"].float() / 255
        for metric, sign in ((l1, -1), (ssim, 1)):
            of_output = metric(output, target).mean()
            for name in ("identity", "pose"):
                of_input = metric(held_out[name].float() / 255, target).mean()
                assert sign * of_output > sign * of_input, (metric.__name__, name)

    def test_lpips_is_at_most_half_of_that_of_the_better_input(self, held_out, shared):
        lpips = Perceptual.load("alex", shared / "weights")
        distances = [
            lpips.differentiable(*map(normalise, (held_out[name], held_out["target"]))).mean().item()
            for name in ("output", "identity", "pose")
        ]
        assert distances[0] <= min(distances[1:]) / 2, distances

    def test_training_in_their_folder_is_refused(self, tmp_path, bad_input):
        (tmp_path / "Toon").mkdir()
        for name in (EXPORTED, "0config.yaml"):
            (tmp_path / "Toon" / name).write_bytes((TOON / name).read_bytes())
        argv = ("--method", "capture_parts", "--loss.perceptual_weight", "0", "--result_path", str(tmp_path))
        message = bad_input("train.py", *argv, "--result_title", "Toon")
        assert "holds a finished generator" in message and "--start_from" in message


class TestExamples:
    @pytest.mark.parametrize("name", ["a", *(name for name, _ in ROWS[1:])])
    def test_are_characters_of_the_built_in_renderer(self, name):
        character = ROWS[0][0] if name == "a" else name
        drawn = render([shot(character, *IDENTITY)], 256)["rgb"][0]
        kept = load_image(ROOT / "examples" / f"{name}.png", 256)
        assert (drawn.int() - kept.int()).abs().float().mean() < 0.5  # another machine may round otherwise

    def test_poses_are_shown_by_other_characters(self):
        assert all(POSES[pose][0] != name and name in CAST for name, pose in ROWS)
