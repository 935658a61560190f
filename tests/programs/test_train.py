"""train.py and the trainer: real runs of a tiny configuration, interrupted and resumed, and every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
import urllib.request
from pathlib import Path

import pytest
import torch
from PIL import Image

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.config.load import load_config
from capture.data.open_data import open_data
from capture.training.trainer import Trainer
from tests.conftest import ROOT, draw_figure, tiny_argv, tiny_config
from tests.helpers.states import assert_same_state

GRID = 34  # pixels of a picture and the gap beside it, in the grids of a 32-pixel run

# of metrics.jsonl: what depends on the clock, and what is counted in the first step of a process
CLOCKED = {"samples_per_second": 0, "samples_per_cpu_second": 0, "model_flop_utilisation": 0, "operators_per_step": 0}


def arguments(tree: Path | str, result: Path, *more: str, method: str = "capture") -> list[str]:
    where = ["--dataset_path", str(tree), "--result_path", str(result), "--result_title", "run", "--method", method]
    return [*tiny_argv(method), *where, *more]


@pytest.fixture(scope="module")
def finished(mixamo_tree, tmp_path_factory, programs) -> Path:
    """The result folder of an uninterrupted run of two epochs of three steps, in a process of its own."""
    result = tmp_path_factory.mktemp("result")
    run = programs.run("train.py", "defaults.yaml", *arguments(mixamo_tree, result))
    assert run.status == 0, run.err
    assert "epoch 2: " in run.out and "sample/s" in run.err
    return result / "run"


def trained(mixamo_tree, folder, stops=(), argv=()) -> Path:
    """Train in this process, saving and starting afresh at each of `stops`; the folder."""
    config = tiny_config("--dataset_path", str(mixamo_tree), *argv)
    for stop in stops:
        trainer = Trainer(config, open_data(config), folder)
        trainer.run_steps(stop - trainer.step_number)
        trainer.save(latest_path(folder))
    assert Trainer(config, open_data(config), folder).train()
    return folder


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class TestResultFolder:
    def test_files_have_the_names_of_the_release(self, finished):
        for name in (
            "0config.yaml",
            "CheckPoint/latest_checkpoint.pt",
            "train_results/1epoch.png",
            "train_results/2epoch.png",
            "test_results/2epoch.png",
            "log.txt",
            "metrics.jsonl",
        ):
            assert (finished / name).is_file(), name
        assert list((finished / "tensorboard").glob("events*"))
        assert not list(finished.rglob("*.partial"))
        columns, rows = 4, 2  # identity, pose, output, target
        with Image.open(finished / "test_results" / "2epoch.png") as grid:
            assert grid.size == (columns * GRID + 2, rows * GRID + 2)
        assert load_config([finished / "0config.yaml"])["dataset_config"]["image_size"] == 32
        assert {"epoch", "gen_state_dict", "disc_state_dict", "gen_opt", "disc_opt", "ema_state_dict"} <= set(
            load_checkpoint(latest_path(finished))
        )

    def test_metrics_have_a_row_for_each_epoch(self, finished):
        rows = rows_of(finished)
        assert [row["step"] for row in rows] == [3, 6] and [row["samples"] for row in rows] == [6, 12]
        assert {"D_real", "D_fake", "G_gan", "G_recon", "val_L1", "val_SSIM"} <= rows[0].keys()

    def test_scalars_and_grids_are_in_tensorboard(self, finished):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(finished / "tensorboard")).Reload()
        assert [e.step for e in events.Scalars("G_recon")] == [3, 6]
        assert {"train_results", "test_results"} <= set(events.Tags()["images"])

    def test_numbered_checkpoints_follow_interval_and_minimum(self, mixamo_tree, tmp_path):
        argv = ("--interval", "2", "--save_minimum_epoch", "3", "--num_epochs", "6", "--samples_per_epoch", "2")
        folder = trained(mixamo_tree, tmp_path / "run", argv=argv)
        kept = sorted(p.name for p in (folder / "CheckPoint").iterdir())
        numbered = ["4epoch_checkpoint.pt", "6epoch_checkpoint.pt"]
        assert kept == [*numbered, "latest_checkpoint.pt", "previous_checkpoint.pt"]


class TestResume:
    def test_resumed_run_equals_the_uninterrupted_run_bit_for_bit(self, finished, mixamo_tree, tmp_path):
        resumed = trained(mixamo_tree, tmp_path / "resumed", stops=(1, 2))
        assert_same_state(finished, resumed)
        for a, b in zip(rows_of(finished), rows_of(resumed), strict=True):
            assert {**a, **CLOCKED} == {**b, **CLOCKED}
            assert 0 <= a["model_flop_utilisation"] < 2 and a["operators_per_step"] > 100

    def test_ctrl_c_saves_and_the_same_command_goes_on(self, mixamo_tree, tmp_path, programs):
        """A real SIGINT to a real process with loader workers; then the same command; equal to never interrupted."""
        more = ("--num_epochs", "1", "--samples_per_epoch", "60", "--num_workers", "1", "--validation_pairs", "0")
        command = arguments(mixamo_tree, tmp_path / "a", *more)
        running = programs.start("train.py", *command)
        deadline = time.monotonic() + 120
        while not re.search(r" [1-9]\d*/60", running.err.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)  # until an update was made
        os.kill(running.pid, signal.SIGINT)
        run = running.finish()
        assert run.status == 130, run.err
        assert "Traceback" not in run.err
        stopped = re.search(r"interrupted: saved at step (\d+)", run.out)
        assert stopped and 0 < int(stopped[1]) < 30, run.out
        run = programs.run("train.py", *command)
        assert run.status == 0, run.err
        assert f"resuming at step {stopped[1]}" in run.out
        whole = trained(mixamo_tree, tmp_path / "whole", argv=more)
        assert_same_state(tmp_path / "a" / "run", whole)

    def test_max_minutes_end_a_run_that_can_be_resumed(self, mixamo_tree, tmp_path):
        trained(mixamo_tree, tmp_path / "run", argv=("--num_epochs", "5000", "--max_minutes", "0.03"))
        state = load_checkpoint(latest_path(tmp_path / "run"))
        assert 0 < state["step"] < 15000
        trained(mixamo_tree, tmp_path / "run", argv=("--num_epochs", "5000", "--max_minutes", "0.02"))
        assert load_checkpoint(latest_path(tmp_path / "run"))["step"] > state["step"]

    @pytest.mark.parametrize(("epochs", "count"), [("2", "2 epochs already"), ("1", "1 epoch already")])
    def test_a_finished_run_is_said_to_be_finished(self, finished, mixamo_tree, tmp_path, run_main, epochs, count):
        shutil.copytree(finished, tmp_path / "run")
        if epochs == "1":
            state = load_checkpoint(latest_path(finished))
            torch.save({**state, "step": 3, "epoch": 1}, latest_path(tmp_path / "run"))
        before = latest_path(tmp_path / "run").read_bytes()
        status, out, _ = run_main("train.py", *arguments(mixamo_tree, tmp_path, "--num_epochs", epochs))
        assert status == 0 and f"trained for {count}; raise --num_epochs" in out
        assert latest_path(tmp_path / "run").read_bytes() == before

    def test_rates_and_data_may_change_and_the_log_says_so(self, finished, mixamo_tree, tmp_path, run_main):
        shutil.copytree(finished, tmp_path / "run")
        shutil.copytree(mixamo_tree, tmp_path / "moved")
        argv = ("--num_epochs", "3", "--lr_G", "0.5", "--clip_grad_norm", "1.0")
        status, out, err = run_main("train.py", *arguments(tmp_path / "moved", tmp_path, *argv))
        assert status == 0, err
        log = (tmp_path / "run" / "log.txt").read_text()
        for line in (
            "from step 6 on train_config.lr_G is 0.5; it was 0.0001",
            "from step 6 on train_config.clip_grad_norm is 1.0; it was 0.0",
            f"from step 6 on dataset_config.dataset_path is {tmp_path / 'moved'}; it was {mixamo_tree}",
        ):
            assert line in out and line in log

    def test_another_configuration_is_refused(self, finished, mixamo_tree, bad_input):
        message = bad_input("train.py", *arguments(mixamo_tree, finished.parent, "--seed", "5"))
        assert "train_config.seed is 777 there and 5 now" in message
        assert "choose another --result_title or remove that folder" in message

    def test_another_batch_size_is_refused_with_what_does_the_same(self, finished, mixamo_tree, bad_input):
        message = bad_input("train.py", *arguments(mixamo_tree, finished.parent, "--batch_size", "1"))
        assert "dataset_config.batch_size is 2 there and 1 now" in message
        assert "--micro_batches" in message and f"--start_from {finished}" in message

    @pytest.mark.parametrize("damage", ("pickle", "other"))
    def test_wrong_checkpoints_are_refused(self, finished, mixamo_tree, tmp_path, bad_input, damage):
        shutil.copytree(finished, tmp_path / "run")
        path = latest_path(tmp_path / "run")
        if damage == "pickle":
            torch.save({"gen_state_dict": {}, "x": Path("/")}, path)
        else:
            state = load_checkpoint(path)
            state["gen_state_dict"].pop("decoder.to_rgb.conv.bias")
            torch.save(state, path)
        message = bad_input("train.py", *arguments(mixamo_tree, tmp_path, "--num_epochs", "3"))
        want = {"pickle": "refused", "other": "1 parameters differ"}[damage]
        assert "latest_checkpoint.pt" in message and want in message

    def test_a_published_checkpoint_is_not_resumed(self, shared, tmp_path, mixamo_tree, bad_input):
        (tmp_path / "run" / "CheckPoint").mkdir(parents=True)
        shutil.copy(shared / "reference" / "latest_checkpoint.pt", latest_path(tmp_path / "run"))
        assert "can be rendered with, not resumed" in bad_input("train.py", *arguments(mixamo_tree, tmp_path))


class TestStartFrom:
    def test_a_run_begins_with_the_generator_of_another(self, finished, mixamo_tree, tmp_path, run_main):
        options = ("--start_from", str(finished), "--lr_G", "0", "--batch_size", "3", "--num_epochs", "1")
        status, _, err = run_main("train.py", *arguments(mixamo_tree, tmp_path, *options))
        assert status == 0, err
        assert f"starting from the generator of {finished}" in (tmp_path / "run" / "log.txt").read_text()
        began = load_checkpoint(latest_path(finished))["ema_state_dict"]
        state = load_checkpoint(latest_path(tmp_path / "run"))
        assert state["step"] == 2
        for part in ("gen_state_dict", "ema_state_dict"):
            for name, value in state[part].items():
                torch.testing.assert_close(value, began[name])

    def test_a_missing_or_different_generator_is_refused(self, finished, mixamo_tree, tmp_path, bad_input):
        missing = ("--start_from", str(tmp_path / "nothing"))
        message = bad_input("train.py", *arguments(mixamo_tree, tmp_path / "no", *missing))
        assert "no such result folder" in message and not (tmp_path / "no").exists()
        other = ("--start_from", str(finished), "--dec_attn_layers", "[-1]")
        assert "dec_attn_layers" in bad_input("train.py", *arguments(mixamo_tree, tmp_path / "no", *other))


class TestUpdate:
    def test_one_generator_and_one_discriminator_forward_per_update(self, mixamo_tree, tmp_path):
        config = tiny_config("--dataset_path", str(mixamo_tree))
        trainer = Trainer(config, open_data(config), tmp_path)
        calls = []
        trainer.networks["gen"].register_forward_hook(lambda module, args, out: calls.append(("G", len(out))))
        trainer.networks["disc"].register_forward_hook(lambda module, args, out: calls.append(("D", len(out))))
        trainer.run_steps(1)
        assert calls == [("G", 4), ("D", 6), ("D", 4)]  # batch 2: both pictures; real and two fakes; two fakes

    @pytest.mark.parametrize(("still", "moving"), [("D", "G"), ("G", "D")])
    def test_a_learning_rate_of_zero_keeps_its_network_alone(self, mixamo_tree, tmp_path, still, moving):
        """With D's learning rate 0 its weights stand still, though the generator's update runs through it; and back."""
        config = tiny_config("--dataset_path", str(mixamo_tree), f"--lr_{still}", "0")
        trainer = Trainer(config, open_data(config), tmp_path)
        networks = {"G": trainer.networks["gen"], "D": trainer.networks["disc"]}
        before = {k: [p.detach().clone() for p in n.parameters()] for k, n in networks.items()}
        trainer.run_steps(1)
        same = {k: [torch.equal(a, b) for a, b in zip(before[k], n.parameters())] for k, n in networks.items()}
        assert all(same[still]) and not any(same[moving][:4])

    def test_a_supervised_run_learns_its_target(self, mixamo_tree, tmp_path):
        """50 steps of target and reconstruction L1 bring the fusion closer to the true picture than the pose is."""
        argv = ("--method", "capture_supervised", "--target_weight", "15", "--gen_ganLoss_weight", "0",
                "--dis_ganLoss_weight", "0", "--lr_G", "0.002", "--samples_per_epoch", "200", "--num_epochs", "1",
                "--batch_size", "4")  # fmt: skip
        folder = trained(mixamo_tree, tmp_path / "run", argv=argv)
        row = rows_of(folder)[-1]
        assert "G_target" in row and "D_real" not in row  # no discriminator was run at all
        config = tiny_config("--dataset_path", str(mixamo_tree), *argv)
        trainer, data = Trainer(config, open_data(config), folder), open_data(config)
        gaps = {"pose": 0.0, "output": 0.0}
        for i in range(12):
            sample = {role: data.train[i][role][None] / 127.5 - 1 for role in ("identity", "pose", "target")}
            with torch.no_grad():
                output = trainer.ema.average({role: sample[role] for role in ("identity", "pose")})
            gaps["output"] += (output - sample["target"]).abs().mean().item()
            gaps["pose"] += (sample["pose"] - sample["target"]).abs().mean().item()
        assert gaps["output"] < gaps["pose"], row

    def test_moving_average_follows_the_generator(self, mixamo_tree, tmp_path):
        config = tiny_config("--dataset_path", str(mixamo_tree), "--ema_decay", "0")
        trainer = Trainer(config, open_data(config), tmp_path / "a")
        trainer.run_steps(1)
        for a, b in zip(trainer.ema.average.parameters(), trainer.networks["gen"].parameters()):
            assert torch.equal(a, b)
        config = tiny_config("--dataset_path", str(mixamo_tree))
        trainer = Trainer(config, open_data(config), tmp_path / "b")
        before = next(trainer.ema.average.parameters()).clone()
        trainer.run_steps(1)
        want = before.lerp(next(trainer.networks["gen"].parameters()), 0.9)  # (1 + 0) / (10 + 0) is kept
        torch.testing.assert_close(next(trainer.ema.average.parameters()), want.detach())


class TestLearningRates:
    def rates(self, mixamo_tree, folder: Path, steps: int, *argv: str) -> list[float]:
        """The generator's learning rate at each of `steps` updates."""
        config = tiny_config("--dataset_path", str(mixamo_tree), *argv)
        trainer, rates = Trainer(config, open_data(config), folder), []
        for _ in range(steps):
            trainer.run_steps(1)
            rates.append(trainer.optimisers["gen"].param_groups[0]["lr"])
        return rates

    def test_rates_rise_over_the_first_updates(self, mixamo_tree, tmp_path):
        rates = self.rates(mixamo_tree, tmp_path, 6, "--warmup_steps", "4", "--lr_G", "0.1")
        assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])

    def test_rates_fall_to_zero_over_the_last_epochs(self, mixamo_tree, tmp_path):
        argv = ("--decay_epochs", "1", "--num_epochs", "3", "--lr_G", "0.004")  # 3 epochs of 3 updates
        rates = self.rates(mixamo_tree, tmp_path / "run", 9, *argv)
        assert rates == pytest.approx([0.004] * 7 + [0.004 * 2 / 3, 0.004 / 3])
        straight = trained(mixamo_tree, tmp_path / "straight", argv=argv)
        assert_same_state(straight, trained(mixamo_tree, tmp_path / "resumed", stops=(1, 2), argv=argv))


class TestDryRun:
    def test_dry_run_shows_everything_and_writes_nothing(self, mixamo_tree, tmp_path, run_main):
        status, out, _ = run_main("train.py", "--dry-run", *arguments(mixamo_tree, tmp_path / "result"))
        assert status == 0
        assert "image_size: 32" in out and "3 characters, 6 clips, 18 frames" in out
        assert "batch identity: (2, 3, 32, 32) uint8" in out and "batch target: (2, 3, 32, 32) uint8" in out
        assert not (tmp_path / "result").exists()

    def test_sizes_of_networks_are_never_zero(self, mixamo_tree, tmp_path, run_main):
        _, out, _ = run_main("train.py", "--dry_run", *arguments(mixamo_tree, tmp_path / "result"))
        sizes = re.search(r"CaPTURe: generator ([\d.]+) M parameters, discriminator ([\d,]+) parameters", out)
        assert sizes and float(sizes[1]) > 0 and int(sizes[2].replace(",", "")) > 1000


class TestData:
    def test_training_from_the_renderer(self, tmp_path, run_main):
        argv = arguments("toon", tmp_path, "--num_epochs", "1", "--num_workers", "1", method="capture_supervised")
        status, out, err = run_main("train.py", *argv)
        assert status == 0, err
        assert "toon, rendered live" in out
        assert {"G_target", "val_L1", "val_SSIM"} <= rows_of(tmp_path / "run")[0].keys()
        with Image.open(tmp_path / "run" / "test_results" / "1epoch.png") as grid:
            assert grid.size == (4 * GRID + 2, 2 * GRID + 2)

    def test_training_on_fashion_frames_without_true_targets(self, tmp_path, run_main):
        for video in ("a", "b"):
            for frame in range(3):
                draw_figure(tmp_path / "Fashion_dataset" / "train" / video / f"{frame}.png", ord(video), frame)
        status, _, err = run_main("train.py", *arguments(tmp_path / "fashion_DATASET", tmp_path, "--num_epochs", "1"))
        assert status == 0, err
        row = rows_of(tmp_path / "run")[0]
        assert {"D_real", "G_gan", "G_recon"} <= row.keys() and not {"G_target", "val_L1"} & row.keys()

    def test_a_corrupt_frame_is_named_also_from_a_worker(self, tmp_path, bad_input):
        for character in "ab":
            for clip in ("run", "jump"):
                draw_figure(tmp_path / "data" / "train" / character / clip / "0.png", 1, 1)
        broken = tmp_path / "data" / "train" / "b" / "jump" / "0.png"
        whole = broken.read_bytes()
        for data, why in ((b"", "an empty file"), (whole[: len(whole) // 2], "a broken picture")):
            broken.write_bytes(data)
            for workers in ("0", "2"):
                result = tmp_path / f"result{workers}"
                message = bad_input("train.py", *arguments(tmp_path / "data", result, "--num_workers", workers))
                assert str(broken) in message and why in message


class TestMissingData:
    def test_fashion_on_a_fresh_clone(self, tmp_path, monkeypatch, bad_input):
        """The README's first training: train.py defaults.yaml --result_title Fashion, before any data is there."""
        shutil.copytree(ROOT / "Fashion_dataset", tmp_path / "Fashion_dataset", ignore=lambda *_: ["train", "test"])
        monkeypatch.chdir(tmp_path)
        message = bad_input("train.py", ROOT / "defaults.yaml", "--result_title", "Fashion")
        assert "Fashion_dataset/README.md" in message and "prepare.py fashion" in message
        assert "--dataset_path toon" in message
        assert "<character>" not in message  # not Mixamo's layout
        assert not (tmp_path / "result").exists()

    def test_mixamo_on_a_fresh_clone(self, tmp_path, monkeypatch, bad_input):
        shutil.copytree(ROOT / "Mixamo_dataset", tmp_path / "Mixamo_dataset", ignore=lambda *_: ["train", "test"])
        monkeypatch.chdir(tmp_path)
        argv = ("--dataset_path", "Mixamo_dataset", "--result_title", "Mixamo")
        message = bad_input("train.py", ROOT / "defaults.yaml", *argv)
        assert "Mixamo_dataset/README.md" in message and "--dataset_path toon" in message

    @pytest.mark.parametrize("method", ("capture_supervised", "fomm"))
    def test_weights_of_the_perceptual_loss_without_a_network(
        self, mixamo_tree, tmp_path, monkeypatch, bad_input, method
    ):
        """train.py has no --weights; the key is perceptual_path."""
        monkeypatch.delenv("CAPTURE_WEIGHTS", raising=False)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing answers
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first use
        term = ("--perceptual", "vgg19") if method == "fomm" else ("--perceptual_weight", "1")
        for more, remedy in (
            ((), "give its folder with --perceptual_path or CAPTURE_WEIGHTS"),
            (("--perceptual_path", str(tmp_path / "gone")), "give --perceptual_path (or CAPTURE_WEIGHTS) an existing"),
        ):
            argv = arguments(mixamo_tree, tmp_path / "result", *term, "--image_size", "64", *more, method=method)
            message = bad_input("train.py", *argv)
            assert remedy in message and "--weights" not in message
        assert not (tmp_path / "result").exists()


class TestConfigurationErrors:
    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (("--lrG", "1"), "unknown key --lrG; did you mean lr_G?"),
            (("--lr_G", "fast"), "train_config.lr_G: expected a number"),
            (("--image_size", "40"), "image_size 40 must be a multiple of 2^(downs+2) = 16"),
            (("--image_size", "16"), "use at least 32"),
            (("--dec_config.min_ch", "32"), "dec_config.min_ch is 32 and idenE_config.min_ch is 16"),
            (("--activ", "swish"), "discriminator_config.activ: expected one of"),
            (("--dataset_path", "/nowhere/at/all"), "/nowhere/at/all: no such dataset folder"),
            (("--result_title", ""), "result_title is empty"),
        ],
    )
    def test_a_bad_value_is_named_and_nothing_is_written(self, mixamo_tree, tmp_path, bad_input, argv, message):
        assert message in bad_input("train.py", *arguments(mixamo_tree, tmp_path / "result", *argv))
        assert not (tmp_path / "result").exists()

    def test_a_misspelt_key_in_an_overlay(self, tmp_path, bad_input):
        (tmp_path / "mine.yaml").write_text("train_config: {num_epoch: 3}\n")
        message = bad_input("train.py", tmp_path / "mine.yaml", "--result_title", "x")
        assert "mine.yaml: unknown key train_config.num_epoch; did you mean num_epochs?" in message
