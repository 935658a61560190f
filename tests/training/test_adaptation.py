"""train.py --adapt: weights adapt to pictures alone."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.common.errors import CaptureError
from capture.common.registry import method_class
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from capture.training import adaptation
from capture.training.adaptation import HELD_OUT, adaptation_config, held_out_numbers, open_adaptation_data
from tests.conftest import draw_figure, tiny_config, write_result

SAMPLES = 64  # of 256
KEYS = ["--result_title", "Mine", "--perceptual_weight", "0"]  # no weights of others


@pytest.fixture(scope="module", autouse=True)
def few_samples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptation, "SAMPLES", SAMPLES)
        yield


@pytest.fixture(scope="module")
def parts_result(tmp_path_factory):
    """A result folder of a tiny, untrained CaPTURe-Parts."""
    config = tiny_config("--method", "capture_parts", "--dataset_config.dataset_path", "toon")
    torch.manual_seed(0)
    return write_result(tmp_path_factory.mktemp("result") / "Parts", build_generator(config), config)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(2):
        draw_figure(folder / f"{number}.png", character=1, pose=number, size=64)
    return folder


@pytest.fixture(scope="module")
def data(parts_result, pictures):
    return open_adaptation_data(adaptation_config(parts_result, pictures, KEYS))


class TestSamples:
    def test_targets_are_the_pictures_and_held_out_samples_are_never_drawn(self, data):
        batch = data.train.batch(range(SAMPLES))
        assert {tuple(value.shape[1:]) for name, value in batch.items() if name != "has_target"} == {(3, 64, 64)}
        numbers = {int(data.train.describe(i)["identity"].split()[-1]) for i in range(SAMPLES)}
        assert len(numbers) == SAMPLES - SAMPLES // HELD_OUT
        held_out = data.test_batch(4)
        assert len(held_out["target"]) == 4 and "has_target" not in held_out
        assert (batch["target"] != batch["pose"]).any()

    @pytest.mark.parametrize("pictures", [1, 2, 4, 8, 12, 16, 24])
    def test_every_picture_is_learnt_from_both_ways_round(self, pictures):
        """Samples show the pictures in turn, first as they are and then mirrored."""
        learnt = [i for i in range(SAMPLES) if i not in held_out_numbers(SAMPLES)]
        shown = {(i % pictures, i // pictures % 2) for i in learnt}
        assert len(shown) == 2 * pictures and len(learnt) == SAMPLES * 7 // 8

    def test_the_same_indices_give_the_same_samples(self, data):
        one, same = (data.train.batch([5, 300, 7]) for _ in range(2))
        assert all(torch.equal(one[name], same[name]) for name in one)


class TestAdaptation:
    def test_the_refiner_alone_learns_and_the_same_command_goes_on(self, run_main, parts_result, pictures, tmp_path):
        command = ["train.py", "--adapt", parts_result, "--pictures", pictures, "--result_title", "Mine",
                   "--result_path", tmp_path / "out", "--perceptual_weight", "0", "--samples_per_epoch", "8",
                   "--batch_size", "4", "--lr_schedule.warmup_steps", "0", "--lr_schedule.decay_epochs", "0",
                   "--train_config.precision", "fp32"]  # fmt: skip
        run_main(*command, "--num_epochs", "1")
        run_main(*command, "--num_epochs", "2")
        state = load_checkpoint(latest_path(tmp_path / "out" / "Mine"))
        assert state["step"] == 4
        before = PoseTransfer.load(parts_result, "cpu").generator.state_dict()
        changed = {name.split(".")[0] for name, value in state["gen_state_dict"].items()
                   if not torch.equal(value.float(), before[name].float())}  # fmt: skip
        assert changed == {"refiner"}
        rows = [json.loads(line) for line in (tmp_path / "out" / "Mine" / "metrics.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows] == [1, 2] and all("val_L1" in row for row in rows)

    def test_refusals_name_what_to_do(self, parts_result, untrained, pictures, tmp_path):
        with pytest.raises(CaptureError, match="can't be adapted from pictures alone"):
            adaptation_config(untrained, pictures, ["--result_title", "Mine"])
        (tmp_path / "empty").mkdir()
        with pytest.raises(CaptureError, match="no pictures here to adapt to"):
            open_adaptation_data(adaptation_config(parts_result, tmp_path / "empty", ["--result_title", "Mine"]))

    def test_missing_perceptual_weights_are_noticed_before_samples_are_made(
        self, parts_result, pictures, tmp_path, monkeypatch
    ):
        made = []
        monkeypatch.setattr(method_class("capture_parts"), "adaptation_samples", lambda *_: made.append(1))
        keys = ["--result_title", "Mine", "--perceptual_weight", "1", "--perceptual_path", str(tmp_path / "nothing")]
        with pytest.raises(CaptureError, match="nothing"):
            open_adaptation_data(adaptation_config(parts_result, pictures, keys))
        assert not made

    def test_half_a_command_is_refused(self, bad_input, parts_result):
        assert "--pictures" in bad_input("train.py", "--adapt", parts_result, "--result_title", "Mine")

    def test_a_transparent_picture_lies_on_the_ground_that_the_weights_know(self, parts_result, tmp_path):
        path = tmp_path / "ghost.png"
        ghost = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        ghost.paste((200, 30, 30, 255), (24, 8, 40, 56))
        ghost.save(path)
        data = open_adaptation_data(adaptation_config(parts_result, path, KEYS))
        assert data.test_batch(1)["target"][0, :, 0, 0].tolist() == [235, 235, 235]
