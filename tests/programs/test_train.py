"""train.py and the trainer: real runs of a tiny configuration, interrupted and resumed, and every kind of bad input."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from capture.checkpoints.checkpoint import latest_path, load_checkpoint
from capture.config.load import load_config
from capture.data.open_data import open_data
from capture.training.trainer import Trainer
from tests.conftest import ROOT, TINY_ARGV, draw_figure, start, tiny_config


def arguments(tree: Path, result: Path, *more: str) -> list[str]:
    return [*TINY_ARGV, "--dataset_path", str(tree), "--result_path", str(result), "--result_title", "run", *more]


@pytest.fixture(scope="module")
def finished(mixamo_tree, tmp_path_factory) -> Path:
    """The result folder of an uninterrupted run of two epochs of three steps, in a process of its own."""
    result = tmp_path_factory.mktemp("result")
    process = start("train.py", "defaults.yaml", *arguments(mixamo_tree, result), cwd=ROOT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "epoch 2: " in out and "sample/s" in err
    return result / "run"


def flat(state, prefix="") -> dict:
    """Every leaf of a checkpoint by its path."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, list | tuple):
        items = enumerate(state)
    else:
        return {prefix: state}
    return {name: leaf for key, value in items for name, leaf in flat(value, f"{prefix}/{key}").items()}


def assert_same_state(one: Path, other: Path) -> None:
    """Two checkpoints agree bit for bit: parameters, optimisers, moving average, noise, position, meters."""
    a, b = (flat(load_checkpoint(latest_path(folder))) for folder in (one, other))
    assert a.keys() == b.keys()
    for name in a:
        if name.startswith("/config/main_config/result_"):
            continue
        same = torch.equal(a[name], b[name]) if isinstance(a[name], torch.Tensor) else a[name] == b[name]
        assert same, name


def test_result_folder_has_the_releases_names(finished):
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
    assert Image.open(finished / "test_results" / "2epoch.png").size == (
        4 * 34 + 2,
        2 * 34 + 2,
    )  # identity pose output truth
    rows = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 6] and [row["samples"] for row in rows] == [6, 12]
    assert {"D_real", "D_fake", "G_gan", "G_recon", "G_target", "val_L1", "val_SSIM"} <= rows[0].keys()
    assert load_config([finished / "0config.yaml"])["dataset_config"]["image_size"] == 32
    assert {"epoch", "gen_state_dict", "disc_state_dict", "gen_opt", "disc_opt", "ema_state_dict"} <= set(
        load_checkpoint(latest_path(finished))
    )


def test_scalars_and_grids_are_in_tensorboard(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished / "tensorboard")).Reload()
    assert [e.step for e in events.Scalars("G_recon")] == [3, 6]
    assert {"train_results", "test_results"} <= set(events.Tags()["images"])


def test_the_same_command_again_says_it_is_done(finished, mixamo_tree, run_main):
    before = latest_path(finished).read_bytes()
    status, out, _ = run_main("train.py", *arguments(mixamo_tree, finished.parent))
    assert status == 0 and "raise --num_epochs" in out
    assert latest_path(finished).read_bytes() == before


def trained(mixamo_tree, folder, stops=(), argv=()) -> Path:
    """Train in this process, saving and starting afresh at each of `stops`; the folder."""
    config = tiny_config("--dataset_path", str(mixamo_tree), *argv)
    for stop in stops:
        trainer = Trainer(config, open_data(config, ()), folder)
        batches = trainer._batches()
        while trainer.step_number < stop:
            trainer.meters.add(trainer.step(trainer._to_device(next(batches))))
            trainer.step_number += 1
        trainer.save(latest_path(folder))
    assert Trainer(config, open_data(config, ()), folder).train()
    return folder


def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(finished, mixamo_tree, tmp_path):
    resumed = trained(mixamo_tree, tmp_path / "resumed", stops=(1, 2))
    assert_same_state(finished, resumed)
    rows = [[json.loads(line) for line in (f / "metrics.jsonl").read_text().splitlines()] for f in (finished, resumed)]
    for a, b in zip(*rows):
        a.pop("samples_per_second"), b.pop("samples_per_second")
        assert a == b


def test_ctrl_c_saves_and_the_same_command_goes_on(mixamo_tree, tmp_path):
    """A real SIGINT to a real process with loader workers; then the same command; equal to never interrupted."""
    more = ("--num_epochs", "1", "--samples_per_epoch", "400", "--num_workers", "1", "--validation_pairs", "0")
    command = arguments(mixamo_tree, tmp_path / "a", *more)
    process = start("train.py", *command, cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (tmp_path / "a" / "run" / "log.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    stopped = re.search(r"interrupted: saved at step (\d+)", out)
    assert stopped and 0 < int(stopped[1]) < 200, out
    process = start("train.py", *command, cwd=ROOT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert f"resuming at step {stopped[1]}" in out
    whole = arguments(mixamo_tree, tmp_path / "b", *more)
    process = start("train.py", *whole, cwd=ROOT)
    assert process.communicate(timeout=120) and process.returncode == 0
    assert_same_state(tmp_path / "a" / "run", tmp_path / "b" / "run")


def test_max_minutes_end_a_run_that_can_go_on(mixamo_tree, tmp_path):
    trained(mixamo_tree, tmp_path / "run", argv=("--num_epochs", "5000", "--max_minutes", "0.03"))
    state = load_checkpoint(latest_path(tmp_path / "run"))
    assert 0 < state["step"] < 15000
    trained(mixamo_tree, tmp_path / "run", argv=("--num_epochs", "5000", "--max_minutes", "0.02"))
    assert load_checkpoint(latest_path(tmp_path / "run"))["step"] > state["step"]


def test_dry_run_shows_everything_and_writes_nothing(mixamo_tree, tmp_path, run_main):
    status, out, _ = run_main("train.py", "--dry-run", *arguments(mixamo_tree, tmp_path / "result"))
    assert status == 0
    assert "image_size: 32" in out and "3 characters, 6 clips, 18 frames" in out
    assert re.search(r"generator 0\.\d M parameters", out)
    assert "batch identity: (2, 3, 32, 32) uint8" in out and "batch target: (2, 3, 32, 32) uint8" in out
    assert not (tmp_path / "result").exists()


def test_one_generator_and_one_discriminator_forward_per_update(mixamo_tree, tmp_path):
    config = tiny_config("--dataset_path", str(mixamo_tree))
    trainer = Trainer(config, open_data(config, ()), tmp_path)
    seen = []
    trainer.networks["gen"].register_forward_hook(lambda module, args, out: seen.append(("G", len(out))))
    trainer.networks["disc"].register_forward_hook(lambda module, args, out: seen.append(("D", len(out))))
    trainer.step(trainer._to_device(next(trainer._batches())))
    assert seen == [("G", 4), ("D", 6), ("D", 4)]  # batch 2: both pictures; real and two fakes; two fakes


def test_updates_change_the_right_networks(mixamo_tree, tmp_path):
    """With D's learning rate 0 its weights stand still, though the generator's update runs through it; and back."""
    for still, moving in (("D", "G"), ("G", "D")):
        config = tiny_config("--dataset_path", str(mixamo_tree), f"--lr_{still}", "0")
        trainer = Trainer(config, open_data(config, ()), tmp_path / still)
        networks = {"G": trainer.networks["gen"], "D": trainer.networks["disc"]}
        before = {k: [p.detach().clone() for p in n.parameters()] for k, n in networks.items()}
        trainer.step(trainer._to_device(next(trainer._batches())))
        same = {k: [torch.equal(a, b) for a, b in zip(before[k], n.parameters())] for k, n in networks.items()}
        assert all(same[still]) and not any(same[moving][:4])


def test_a_supervised_run_learns_its_target(mixamo_tree, tmp_path):
    """200 steps of target + reconstruction L1 bring the fusion closer to the true picture than either input is."""
    argv = ("--gen_targetLoss_weight", "15", "--gen_ganLoss_weight", "0", "--dis_ganLoss_weight", "0",
            "--lr_G", "0.002", "--samples_per_epoch", "800", "--num_epochs", "1", "--batch_size", "4")  # fmt: skip
    folder = trained(mixamo_tree, tmp_path / "run", argv=argv)
    row = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    config = tiny_config("--dataset_path", str(mixamo_tree), *argv)
    trainer = Trainer(config, open_data(config, ()), folder)
    gaps = {"pose": [], "output": []}
    batches = trainer._batches()
    for _ in range(10):
        batch = trainer._to_device(next(batches))
        with torch.no_grad():
            output = trainer.ema.average(batch["identity"], batch["pose"], torch.zeros(4, 2, 64))
        gaps["output"].append((output - batch["target"]).abs().mean().item())
        gaps["pose"].append((batch["pose"] - batch["target"]).abs().mean().item())
    assert sum(gaps["output"]) < sum(gaps["pose"]), row
    assert "D_real" not in row  # no discriminator was run at all


def test_moving_average_follows_and_decay_zero_is_the_network(mixamo_tree, tmp_path):
    config = tiny_config("--dataset_path", str(mixamo_tree), "--ema_decay", "0")
    trainer = Trainer(config, open_data(config, ()), tmp_path / "a")
    trainer.step(trainer._to_device(next(trainer._batches())))
    for a, b in zip(trainer.ema.average.parameters(), trainer.networks["gen"].parameters()):
        assert torch.equal(a, b)
    config = tiny_config("--dataset_path", str(mixamo_tree))
    trainer = Trainer(config, open_data(config, ()), tmp_path / "b")
    start_value = next(trainer.ema.average.parameters()).clone()
    trainer.step(trainer._to_device(next(trainer._batches())))
    want = start_value.lerp(next(trainer.networks["gen"].parameters()), 0.9)  # (1 + 0) / (10 + 0) is kept
    torch.testing.assert_close(next(trainer.ema.average.parameters()), want.detach())


def test_learning_rates_fall_to_zero_over_the_last_epochs(mixamo_tree, tmp_path):
    argv = ("--lr_decay_epochs", "1", "--num_epochs", "3", "--lr_G", "0.004")  # 3 epochs of 3 steps
    config = tiny_config("--dataset_path", str(mixamo_tree), *argv)
    trainer = Trainer(config, open_data(config, ()), tmp_path / "run")
    seen = []
    for trainer.step_number in range(9):
        trainer._set_learning_rates()
        seen.append(trainer.optimisers["gen"].param_groups[0]["lr"])
    assert seen == pytest.approx([0.004] * 7 + [0.004 * 2 / 3, 0.004 / 3])
    straight = trained(mixamo_tree, tmp_path / "straight", argv=argv)
    assert_same_state(straight, trained(mixamo_tree, tmp_path / "resumed", stops=(1, 2), argv=argv))


def test_numbered_checkpoints_follow_interval_and_minimum(mixamo_tree, tmp_path):
    argv = ("--interval", "2", "--save_minimum_epoch", "3", "--num_epochs", "6", "--samples_per_epoch", "2")
    folder = trained(mixamo_tree, tmp_path / "run", argv=argv)
    kept = sorted(p.name for p in (folder / "CheckPoint").iterdir())
    assert kept == ["4epoch_checkpoint.pt", "6epoch_checkpoint.pt", "latest_checkpoint.pt", "previous_checkpoint.pt"]


def test_trains_straight_from_the_renderer(tmp_path, run_main):
    argv = arguments("toon", tmp_path, "--num_epochs", "1", "--num_workers", "1")
    status, out, err = run_main("train.py", *argv)
    assert status == 0, err
    assert "toon, rendered live" in out
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert {"G_target", "val_L1", "val_SSIM"} <= row.keys()
    assert Image.open(tmp_path / "run" / "test_results" / "1epoch.png").size == (4 * 34 + 2, 2 * 34 + 2)


def test_trains_on_fashion_frames_without_true_targets(tmp_path, run_main):
    for video in ("a", "b"):
        for frame in range(3):
            draw_figure(tmp_path / "Fashion_dataset" / "train" / video / f"{frame}.png", ord(video), frame)
    status, _, err = run_main("train.py", *arguments(tmp_path / "fashion_DATASET", tmp_path, "--num_epochs", "1"))
    assert status == 0, err
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert {"D_real", "G_gan", "G_recon"} <= row.keys() and not {"G_target", "val_L1"} & row.keys()


# ---- bad input: one line, exit status 2, nothing half-written ----


def test_a_run_starts_from_another_ones_generator(finished, mixamo_tree, tmp_path, run_main, bad_input):
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
    message = bad_input("train.py", *arguments(mixamo_tree, tmp_path / "no", "--start_from", str(tmp_path / "nothing")))
    assert "no such result folder" in message and not (tmp_path / "no").exists()
    other = ("--start_from", str(finished), "--dec_attn_layers", "[-1]")
    assert "dec_attn_layers" in bad_input("train.py", *arguments(mixamo_tree, tmp_path / "no", *other))


def test_the_rate_rises_over_the_first_steps(mixamo_tree, tmp_path):
    options = ("--lr_warmup_steps", "4", "--lr_G", "0.1")
    config = tiny_config("--dataset_path", str(mixamo_tree), *options)
    trainer = Trainer(config, open_data(config, ()), tmp_path)
    rates = []
    for trainer.step_number in range(6):
        trainer._set_learning_rates()
        rates.append(trainer.optimisers["gen"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_another_configuration_in_the_same_folder_is_refused(finished, mixamo_tree, bad_input):
    message = bad_input("train.py", *arguments(mixamo_tree, finished.parent, "--seed", "5"))
    assert "train_config.seed is 777 there and 5 now" in message


def test_a_learning_rate_may_change_on_the_way_and_the_log_says_so(finished, mixamo_tree, tmp_path, run_main):
    shutil.copytree(finished, tmp_path / "run")
    argv = arguments(mixamo_tree, tmp_path, "--num_epochs", "3", "--lr_G", "0.5", "--clip_grad_norm", "1.0")
    status, out, err = run_main("train.py", *argv)
    assert status == 0, err
    assert "from step 6 on train_config.lr_G is 0.5; it was 0.0001" in out
    assert "from step 6 on train_config.clip_grad_norm is 1.0; it was 0.0" in out
    assert "from step 6 on train_config.lr_G is 0.5" in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--lrG", "1"), "unknown key --lrG; did you mean lr_G?"),
        (("--lr_G", "fast"), "train_config.lr_G: expected a number"),
        (("--image_size", "40"), "image_size 40 must be a multiple of 2^(downs+2) = 16"),
        (("--image_size", "16"), "use at least 32"),
        (("--dec_config.min_ch", "32"), "dec_config.min_ch is 32 and idenE_config.min_ch is 16"),
        (("--activ", "swish"), "discriminator_config: activation 'swish' is none of"),
        (("--dataset_path", "/nowhere/at/all"), "/nowhere/at/all: no such dataset folder"),
        (("--result_title", ""), "result_title is empty"),
    ],
)
def test_bad_configurations(mixamo_tree, tmp_path, bad_input, argv, message):
    assert message in bad_input("train.py", *arguments(mixamo_tree, tmp_path / "result", *argv))
    assert not (tmp_path / "result").exists()


def test_typo_in_an_overlay(tmp_path, bad_input):
    (tmp_path / "mine.yaml").write_text("train_config: {num_epoch: 3}\n")
    message = bad_input("train.py", tmp_path / "mine.yaml", "--result_title", "x")
    assert "mine.yaml: unknown key train_config.num_epoch; did you mean num_epochs?" in message


def test_a_corrupt_frame_is_named_also_from_a_worker(tmp_path, bad_input):
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


@pytest.mark.parametrize("damage", ("pickle", "other"))
def test_checkpoints_that_are_whole_but_wrong_stop_a_resume(finished, mixamo_tree, tmp_path, bad_input, damage):
    shutil.copytree(finished, tmp_path / "run")
    path = latest_path(tmp_path / "run")
    if damage == "pickle":
        torch.save({"gen_state_dict": {}, "x": Path("/")}, path)
    else:
        state = load_checkpoint(path)
        state["gen_state_dict"].pop("decoder.toRGB.conv.bias")
        torch.save(state, path)
    message = bad_input("train.py", *arguments(mixamo_tree, tmp_path, "--num_epochs", "3"))
    want = {"pickle": "refused", "other": "1 parameters differ"}[damage]
    assert "latest_checkpoint.pt" in message and want in message


def test_a_published_checkpoint_is_not_resumed(shared, tmp_path, mixamo_tree, bad_input):
    (tmp_path / "run" / "CheckPoint").mkdir(parents=True)
    shutil.copy(shared / "reference" / "latest_checkpoint.pt", latest_path(tmp_path / "run"))
    assert "can be rendered with, not resumed" in bad_input("train.py", *arguments(mixamo_tree, tmp_path))
