"""`make table`: which runs it makes of the paper's rows, that it goes on where it stopped, and what it prints."""

from __future__ import annotations

import csv
import json
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.common.signals import stop_on_signal
from capture.config.load import load_config, load_result_config
from capture.data.index.catalog import scan
from capture.data.writing import write_png
from capture.io.iuv import PARTS, read_map
from capture.io.pairs import read_pairs
from capture.methods.build import build_generator
from tests.conftest import draw_figure, tiny_argv
from tools import table, table_rows, table_text
from tools.table_pairs import drive_by_pose, have_maps, write_pairs
from tools.table_rows import ROWS, Row, Settings, Stage, runs_of

PUBLISHED = Settings(Path("/data"), Path("/out"))
SMALL = Settings(Path("/data"), Path("/out"), samples=12_000, size=64, networks="small")


def samples_of(run) -> int:
    return run.config["train_config"]["num_epochs"] * run.config["dataset_config"]["samples_per_epoch"]


class TestRuns:
    @pytest.mark.parametrize("settings", [PUBLISHED, SMALL], ids=["published", "small"])
    def test_every_row_has_the_same_number_of_samples_over_its_stages(self, settings):
        for row in ROWS:
            total = sum(samples_of(run) for run in runs_of(row, 777, settings))
            if row.name == "MRAA":  # the AVD network learns when the rest is done
                total /= 1 + table_rows.AVD_SHARE
            assert settings.samples <= total < settings.samples * 1.001 + 30, row.name

    def test_capture_at_256_pixels_is_the_published_configuration(self):
        (run,) = runs_of(ROWS[0], 777, PUBLISHED)
        expected = load_config([table_rows.ROOT / "defaults.yaml"])
        for section in ("generator_config", "discriminator_config", "loss_config", "train_config"):
            assert run.config[section] == expected[section], section
        assert run.config["dataset_config"]["samples_per_epoch"] == 4000
        assert run.config["dataset_config"]["batch_size"] == 4

    def test_rates_fall_after_the_same_shares_of_a_shorter_run(self):
        row = next(row for row in ROWS if row.name == "FOMM")
        short = Settings(Path("/data"), Path("/out"), samples=50_000)
        configs = [runs_of(row, 777, settings)[0].config["train_config"] for settings in (PUBLISHED, short)]
        assert [config["num_epochs"] for config in configs] == [100, 50]
        assert [config["lr_schedule"]["drop_epochs"] for config in configs] == [[60, 90], [30, 45]]

    def test_rates_of_a_short_run_do_not_rise_for_longer_than_a_twentieth_of_it(self):
        row = next(row for row in ROWS if row.name == "CaPTURe-Parts")
        rises = {
            samples: [
                run.config["train_config"]["lr_schedule"]["warmup_steps"]
                for run in runs_of(row, 777, Settings(Path("/data"), Path("/out"), samples, 64, "small"))
            ]
            for samples in (1600, 1_000_000)
        }
        assert rises[1600] == [800 // 8 // 20, 800 // 4 // 20] and rises[1_000_000] == [200, 200]

    def test_a_run_of_fewer_samples_than_epochs_has_an_epoch_for_each_sample(self):
        (run,) = runs_of(ROWS[0], 777, Settings(Path("/data"), Path("/out"), samples=3, size=64, networks="small"))
        assert samples_of(run) == run.config["train_config"]["num_epochs"] == 3

    def test_small_networks_of_every_row_can_be_built_and_begin_with_the_stage_before(self):
        for row in ROWS:
            runs = runs_of(row, 777, SMALL)
            for run in runs:
                build_generator(run.config)
            starts = [run.config["main_config"]["start_from"] for run in runs]
            assert starts == ["", *(str(run.folder) for run in runs[:-1])]
            assert runs[-1].folder == Path("/out") / row.name

    def test_published_networks_fit_smaller_pictures(self):
        at_128 = Settings(Path("/data"), Path("/out"), size=128)
        configs = {row.name: runs_of(row, 777, at_128)[-1].config for row in ROWS}
        assert configs["CaPTURe"]["generator_config"]["idenE_config"]["downs"] == 3
        assert configs["FOMM"]["fomm_config"]["kp_detector"]["scale_factor"] == 0.5
        assert configs["MRAA"]["mraa_config"]["region_predictor"]["scale_factor"] == 0.5
        assert configs["CaPTURe-Parts"]["capture_parts_config"]["patch_size"] == 2

    def test_a_seed_other_than_the_usual_one_is_part_of_the_folder_s_name(self):
        assert runs_of(ROWS[0], 1, SMALL)[0].folder.name == "CaPTURe_seed1"
        assert runs_of(ROWS[0], 1, SMALL)[0].config["train_config"]["seed"] == 1

    def test_rows_that_the_dataset_cannot_train_are_left_out_and_said(self, mixamo_tree, capsys):
        planned = table.plan(ROWS, [777], SMALL, scan(mixamo_tree))
        assert [runs[-1].row.name for runs in planned] == ["CaPTURe", "CaPTURe_true_targets", "FOMM", "MRAA"]
        said = capsys.readouterr().out
        assert "LWGAN is left out: it needs IUV maps" in said and "render it with --uv" in said

    @pytest.mark.parametrize(("wanted", "count"), [(1, 1), (4, 4), (3, 2), (16, 4)])
    def test_a_batch_is_shared_evenly_by_as_many_processes_as_possible(self, wanted, count):
        (run,) = runs_of(ROWS[0], 777, PUBLISHED)  # a batch of 4
        assert table.processes_for(run, wanted) == count
        command = table.python("train.py", ["a"], count)
        assert ("torch.distributed.run" in command) == (count > 1) and command[-2:] == [
            str(table.ROOT / "train.py"),
            "a",
        ]


class TestPairs:
    def test_pairs_get_the_maps_that_lie_beside_their_pictures(self, tmp_path):
        for name in ("a.png", "b.png", "c.png"):
            draw_figure(tmp_path / "imgs" / name, 0, 0)
            draw_figure(tmp_path / "uv" / name, 0, 0)
        (tmp_path / "pairs.csv").write_text("identity,pose,target\nimgs/a.png,imgs/b.png,imgs/c.png\n")
        write_pairs(tmp_path / "pairs.csv", tmp_path / "out" / "pairs.csv")
        (pair,) = read_pairs(tmp_path / "out" / "pairs.csv")
        assert pair.identity.samefile(tmp_path / "imgs" / "a.png") and pair.target_uv.samefile(
            tmp_path / "uv" / "c.png"
        )
        assert have_maps(tmp_path / "pairs.csv")
        (tmp_path / "uv" / "b.png").unlink()
        assert not have_maps(tmp_path / "pairs.csv")
        write_pairs(tmp_path / "pairs.csv", tmp_path / "out" / "pairs.csv")
        assert read_pairs(tmp_path / "out" / "pairs.csv")[0].pose_uv is None
        np.save(tmp_path / "uv" / "b.npy", np.zeros((32, 32, 3), np.uint8))
        assert have_maps(tmp_path / "pairs.csv")

    def test_maps_of_numbered_bones_get_the_parts_that_methods_read(self, tmp_path):
        bones = [f"Bone{i}" for i in range(27)] + ["Head"]
        for name in ("a.png", "b.png", "c.png"):
            draw_figure(tmp_path / "test" / "imgs" / name, 0, 0)
            iuv = np.zeros((32, 32, 3), np.uint8)
            iuv[4:20, 4:20] = 28, 100, 100
            write_png(tmp_path / "test" / "uv" / name, iuv)
        (tmp_path / "manifest.json").write_text(json.dumps({"uv_parts": bones}))
        (tmp_path / "test" / "pairs.csv").write_text("identity,pose,target\nimgs/a.png,imgs/b.png,imgs/c.png\n")
        write_pairs(tmp_path / "test" / "pairs.csv", tmp_path / "out" / "pairs.csv")
        (pair,) = read_pairs(tmp_path / "out" / "pairs.csv")
        for uv in (pair.identity_uv, pair.pose_uv, pair.target_uv):
            parts = read_map(uv, (32, 32))[..., 0]
            assert set(np.unique(parts)) == {0, PARTS.index("head") + 1} and (parts > 0).sum() == 256
        assert (np.asarray(Image.open(tmp_path / "test" / "uv" / "a.png"))[..., 0].max()) == 28

    def test_maps_of_characters_with_the_same_clips_and_frames_are_kept_apart(self, tmp_path):
        bones = [f"Bone{i}" for i in range(27)] + ["Head"]
        rows = []
        for side, character in ((16, "Ch01"), (8, "Ch02")):
            clip = tmp_path / "test" / character / "walk"
            draw_figure(clip / "imgs" / "0001.png", 0, 0)
            iuv = np.zeros((32, 32, 3), np.uint8)
            iuv[:side, :side] = 28, 100, 100
            write_png(clip / "uv" / "0001.png", iuv)
            rows.append(",".join([f"{character}/walk/imgs/0001.png"] * 3))
        (tmp_path / "manifest.json").write_text(json.dumps({"uv_parts": bones}))
        (tmp_path / "test" / "pairs.csv").write_text("identity,pose,target\n" + "\n".join(rows) + "\n")
        write_pairs(tmp_path / "test" / "pairs.csv", tmp_path / "out" / "pairs.csv")
        pairs = read_pairs(tmp_path / "out" / "pairs.csv")
        assert [(read_map(pair.target_uv, (32, 32))[..., 0] > 0).sum() for pair in pairs] == [256, 64]
        assert all(pair.target_uv.is_relative_to(tmp_path / "out" / "maps") for pair in pairs)

    def test_a_result_that_is_driven_by_the_pose_s_map_has_the_same_weights(self, tmp_path):
        row = next(row for row in ROWS if row.name == "LWGAN")
        config = load_config([], ["--method", "lwgan"])
        (tmp_path / "LWGAN" / "CheckPoint").mkdir(parents=True)
        (tmp_path / "LWGAN" / "CheckPoint" / "latest_checkpoint.pt").write_bytes(b"weights")
        for _ in range(2):  # the second time it is there already
            other = drive_by_pose(tmp_path / "LWGAN", config, row.drive)
        assert (other / "CheckPoint" / "latest_checkpoint.pt").read_bytes() == b"weights"
        assert load_result_config(other)["lwgan_config"]["drive"] == "pose_uv"
        assert config["lwgan_config"]["drive"] == "target_uv"


class TestText:
    def test_published_figures_stand_beside_the_measured_ones(self, tmp_path):
        lines = [
            {"method": "pose returned", "kind": "floor", "l1": 0.5, "ssim": 0.5, "lpips": 0.5},
            {"method": "CaPTURe (epoch 3)", "kind": "result", "l1": 0.1, "ssim": 0.9, "lpips": 0.3},
            {"method": "MRAA (epoch 3)", "kind": "result", "l1": 0.2, "ssim": 0.8, "lpips": 0.2},
            {"method": "CaPTURe-Parts (epoch 3)", "kind": "result", "l1": 0.2, "ssim": 0.8, "lpips": 0.1},
            {"method": "LWGAN [true map] (epoch 3)", "kind": "result", "l1": 0.1, "ssim": 0.9, "lpips": 0.01},
            {
                "method": "LWGAN_by_pose [driver's map] (epoch 3)",
                "kind": "result",
                "l1": 0.1,
                "ssim": 0.9,
                "lpips": 0.4,
            },
            {"method": "CaPTURe", "kind": "published", "l1": 0.0142},
        ]
        (tmp_path / "table.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        names = [("CaPTURe", "CaPTURe"), ("MRAA", "MOAA"), ("CaPTURe-Parts", None), ("LWGAN", "LWGAN")]
        text = table_text.beside_the_paper(tmp_path / "table.jsonl", names, {"MRAA": 12.4})
        rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
        assert rows["CaPTURe (epoch 3)"] == (
            "| CaPTURe (epoch 3) |  | 0.1000 | 0.0142 | 0.9000 | 0.9294 | 0.3000 | 0.0512 | n/a | 15.0124 |"
        )
        assert rows["MRAA (epoch 3)"].startswith("| MRAA (epoch 3) | 12 | 0.2000 | 0.0149 |")
        assert rows["CaPTURe-Parts (epoch 3)"].count("not given") == 4
        assert len(rows) == 7 and "not given" not in rows["pose returned"]
        assert "By LPIPS, best first: MRAA, CaPTURe, LWGAN here; CaPTURe, MOAA, LWGAN in the paper." in text
        assert "not given" not in rows["LWGAN_by_pose [driver's map] (epoch 3)"]

    def test_times_are_added_up(self):
        (run,) = runs_of(ROWS[0], 777, SMALL)
        text = table_text.time_table([(run, 10.0), (run, 2.0)], 1, 4)
        assert "12,000" in text and "20 min" in text and "100 min" in text
        assert text.splitlines()[4].split() == ["all", "2.0", "h"]
        assert "between 30 min and this" in text and "1 runs are finished" in text
        assert "every run is finished" in table_text.time_table([], 3, 1)

    @pytest.mark.parametrize(
        ("seconds", "words"), [(40, "40 s"), (600, "10 min"), (18_000, "5.0 h"), (864_000, "10.0 days")]
    )
    def test_a_time_has_the_unit_that_suits_it(self, seconds, words):
        assert table_text.duration(seconds) == words


@pytest.fixture
def tiny_rows(monkeypatch):
    """Two rows of tiny networks, of which the second is trained in two stages."""
    argv = ("defaults.yaml", *tiny_argv())
    first = Row("A", "CaPTURe", (Stage("", 1.0, argv, argv),))
    second = Row("B", None, (Stage("before", 0.5, argv, argv), Stage("", 0.5, argv, argv)))
    monkeypatch.setattr(table_rows, "ROWS", (first, second))


@pytest.fixture
def made(mixamo_tree, tmp_path, monkeypatch, programs, tiny_rows, capsys):
    """Run tools.table on the tiny rows: made("--dry", ...) -> (status, what it printed, programs that it started)."""

    def run(*argv):
        started = []

        def call(command):
            started.append(Path(command[1]).name)
            finished = programs.run(*command[1:], folder=str(tmp_path))
            print(finished.err if finished.status not in (0, 130) else "")
            return finished.status

        monkeypatch.setattr(table, "call", call)
        where = [str(mixamo_tree), "--out", str(tmp_path / "table"), "--size", "32", "--samples", "8"]
        more = ["--metrics", "l1,ssim", "--option", "validation_pairs", "2", "--option", "dec_adain_layers", "[1]"]
        monkeypatch.setattr(sys, "argv", ["table", *where, *more, *argv])
        status = table.main()
        return status, capsys.readouterr().out, started

    return run


class TestProgram:
    def test_a_run_that_ended_before_its_last_epoch_is_no_row(self, made):
        with pytest.raises(CaptureError, match="A: trained less or more than this table asks for"):
            made("--option", "max_minutes", "0.00001")

    def test_rows_are_trained_and_measured_and_a_second_call_only_measures(self, made, tmp_path):
        status, out, started = made()
        assert status == 0 and started == ["train.py"] * 3 + ["evaluate.py"], out
        assert "| A (epoch 8) |" in out and "| B (epoch 4) |" in out and "not given" in out
        rows = list(csv.DictReader((tmp_path / "table" / "evaluation" / "table.csv").read_text().splitlines()))
        assert {row["method"] for row in rows if row["kind"] == "result"} == {"A (epoch 8)", "B (epoch 4)"}
        assert (tmp_path / "table" / "curves.png").is_file() and (tmp_path / "table" / "table.html").is_file()
        times = table.cpu_seconds(tmp_path / "table" / "times.jsonl")
        assert set(times) == {"A", "B_before", "B"}
        assert table.epochs_cpu_seconds(tmp_path / "table" / "A") > 0
        status, out, started = made()
        assert status == 0 and started == ["evaluate.py"] and "B_before: finished" in out
        assert "every run is finished" in made("--dry")[1]

    def test_seconds_before_the_program_was_killed_count(self, tmp_path):
        (tmp_path / "metrics.jsonl").write_text(
            '{"samples": 100, "samples_per_cpu_second": 10}\n{"samples": 300, "samples_per_cpu_second": 20}\n'
            '{"samples": 400}\n'
        )
        assert table.epochs_cpu_seconds(tmp_path) == 20
        assert table.epochs_cpu_seconds(tmp_path / "none") == 0

    def test_an_interrupted_run_ends_the_command_and_is_named_at_the_next(self, made, monkeypatch):
        monkeypatch.setattr(table, "train", lambda runs, processes: (_ for _ in ()).throw(table.Interrupted))
        status, out, started = made()
        assert status == 130 and started == [] and "the same command goes on" in out

    def test_a_dry_run_measures_every_run_and_writes_nothing(self, made, tmp_path):
        status, out, started = made("--dry", "--dry_seconds", "0.01")
        assert status == 0 and started == [] and not (tmp_path / "table").exists()
        assert [line.split()[0] for line in out.splitlines()[2:6]] == ["A", "B_before", "B", "all"]

    def test_another_number_of_samples_in_the_same_folder_is_refused(self, made):
        made("--rows", "A")
        with pytest.raises(CaptureError, match="train.py ended with status 2"):
            made("--rows", "A", "--samples", "16")

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (("--rows", "C"), "no such row; there are A, B"),
            (("--samples", "0"), "--samples 0: give a whole number"),
            (("--seeds", "x"), "--seeds x: give whole numbers"),
            (("--size", "64", "--networks", "published"), "the published networks take 128, 256 or 512"),
            (("--pairs", "none.csv"), "none.csv: no such file"),
        ],
    )
    def test_what_cannot_be_done_is_said_before_anything_is_trained(self, made, argv, message):
        with pytest.raises(CaptureError, match=message):
            made(*argv)


class TestCall:
    def test_an_interrupt_reaches_the_program_once_and_it_is_waited_for(self, tmp_path):
        code = (
            "import signal, sys, time\n"
            "got = []\n"
            "signal.signal(signal.SIGINT, lambda *_: got.append(1))\n"
            f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
            "end = time.time() + 20\n"
            "while not got and time.time() < end: time.sleep(0.02)\n"
            "time.sleep(0.6)\n"
            "sys.exit(100 + len(got))\n"
        )

        def interrupt():
            while not (tmp_path / "ready").exists():
                threading.Event().wait(0.02)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        assert table.call([sys.executable, "-c", code]) == 101

    def test_two_interrupts_at_once_leave_no_program_behind(self, tmp_path, monkeypatch):
        """The program ends only after the second interrupt: one that came after `call` would end the tests."""
        ready, sent, ended = tmp_path / "ready", tmp_path / "sent", tmp_path / "ended"
        code = (
            "import pathlib, signal, time\n"
            "got = []\n"
            "signal.signal(signal.SIGINT, lambda *_: got.append(1))\n"
            f"pathlib.Path({str(ready)!r}).touch()\n"
            "end = time.time() + 20\n"
            f"while not (got and pathlib.Path({str(sent)!r}).exists()) and time.time() < end: time.sleep(0.02)\n"
            f"got and pathlib.Path({str(ended)!r}).touch()\n"
        )
        received = []

        @contextmanager
        def collect():
            with stop_on_signal() as stopped:
                received.append(stopped)
                yield stopped

        def interrupt():
            while not ready.exists():
                threading.Event().wait(0.02)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            while not received[0]:  # two signals before Python looks are one
                threading.Event().wait(0.001)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            sent.touch()

        monkeypatch.setattr(table, "stop_on_signal", collect)
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            table.call([sys.executable, "-c", code])
        assert ended.exists()
