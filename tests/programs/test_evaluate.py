"""evaluate.py from the command line to the files: real pictures, real (tiny, untrained) checkpoints, real processes."""

import csv
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import evaluate
from capture.checkpoints.checkpoint import latest_path, save_checkpoint
from capture.common.errors import command_line
from capture.common.pretrained import PUBLISHED as WEIGHT_FILES
from capture.config.yaml import dump_yaml
from capture.data.writing import flat_name, write_pairs, write_png
from capture.evaluation.protocol import PUBLISHED
from capture.inference.transfer import PoseTransfer
from capture.io.images import denormalise, load_image, normalise, png_bytes
from capture.methods.build import build_generator
from tests.conftest import tiny_config

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "../shared/weights"
SIZE, PAIRS = 32, 6
REPEATS = 16  # of the pairs, for an evaluation long enough to be interrupted


def make_result(folder: Path, seed: int, epoch: int, spoil: bool = False) -> None:
    config = tiny_config("--image_size", str(SIZE))
    torch.manual_seed(seed)
    generator = build_generator(config)
    if spoil:
        next(generator.decoder.parameters()).data.fill_(torch.nan)
    save_checkpoint(latest_path(folder), {"epoch": epoch, "gen_state_dict": generator.state_dict()})
    (folder / "0config.yaml").write_text(dump_yaml(config))


def make_frame(colour: tuple[int, int, int], shift: int) -> np.ndarray:
    frame = np.full((SIZE, SIZE, 3), 255, np.uint8)
    frame[6 + shift : 26, 8 + shift : 18 + shift] = colour
    return frame


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """result/A, result/B, test/pairs.csv with its pictures, videos/ and an empty folder for weights."""
    root = tmp_path_factory.mktemp("world")
    for seed, name in enumerate("AB"):
        make_result(root / "result" / name, seed, epoch=seed + 7)
    (root / "empty").mkdir()
    colours = [(200, 30, 30), (30, 160, 40), (40, 60, 220)]
    frames = {(c, f): flat_name(f"hero{c}", "walk", f"{f:03d}") for c in range(3) for f in range(4)}
    for (c, f), name in frames.items():
        write_png(root / "test" / "imgs" / name, make_frame(colours[c], f))
        write_png(root / "videos" / f"hero{c}" / f"{f:03d}.png", make_frame(colours[c], f))
    rows = [(frames[i % 3, 3], frames[(i + 1) % 3, i % 3], frames[i % 3, i % 3]) for i in range(3)]
    rows += [(frames[i, 0], frames[(i + 2) % 3, i + 1], frames[i, i + 1]) for i in range(3)]
    write_pairs(root / "test" / "pairs.csv", [tuple(f"imgs/{name}" for name in row) for row in rows])
    return root


@pytest.fixture
def run(world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path):
    """Run evaluate.py here, in the folder of `world`: (exit status, stdout, stderr). Writes to tmp_path/out."""
    monkeypatch.chdir(world)
    monkeypatch.delenv("CAPTURE_WEIGHTS", raising=False)

    def call(*words: object, weights: str = "empty") -> tuple[int, str, str]:
        arguments = [str(word) for word in words]
        if "--out" not in arguments:
            arguments += ["--out", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments, *(["--weights", weights] if weights else [])])
        with pytest.raises(SystemExit) as end:
            command_line(evaluate.main)()
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    return call


def table(folder: Path) -> dict[str, dict]:
    return {
        row["method"]: row
        for row in map(json.loads, (folder / "table.jsonl").read_text().splitlines())
        if row["kind"] != "published"
    }


class TestTable:
    def test_rows_and_numbers_of_the_table(self, run, world: Path, tmp_path: Path) -> None:
        status, out, _ = run("result/A", "result/B", "--pairs", "test/pairs.csv")
        assert status == 0
        methods = [line.split("  ")[0] for line in out.splitlines()[2:10]]
        assert methods == [
            "identity returned",
            "pose returned",
            "A (epoch 7)",
            "B (epoch 8)",
            *(f"[published] {name}" for name in PUBLISHED),
        ]
        assert f"{PAIRS} of {PAIRS} pairs, of test/pairs.csv" in out and "window 11x11" in out
        for name in ("alex", "inception"):  # no weights: the cell says so, and how to get them
            assert f"{WEIGHT_FILES[name].file} is not in empty; get it from {WEIGHT_FILES[name].url}" in out
        assert out == (tmp_path / "out" / "table.txt").read_text()

        # the numbers again, from the files, without any of this code's averaging
        with open("test/pairs.csv") as file:
            rows = [{key: Path("test", name) for key, name in row.items()} for row in csv.DictReader(file)]
        transfer = PoseTransfer.load("result/B", "cpu")
        expected = {"identity returned": [], "pose returned": [], "B (epoch 8)": []}
        for row in rows:
            identity, pose, target = (load_image(row[key], SIZE)[None] for key in ("identity", "pose", "target"))
            made = denormalise(transfer.transfer(normalise(identity), normalise(pose)))
            for name, picture in zip(expected, (identity, pose, made)):
                expected[name].append(np.abs(picture.numpy().astype(float) - target.numpy()).mean() / 255)
        for name, values in expected.items():
            assert table(tmp_path / "out")[name]["l1"] == pytest.approx(np.mean(values), abs=2e-5)
            assert table(tmp_path / "out")[name]["pairs"] == PAIRS
        sheets = {f"{name}_{which}.png" for name in ("A_epoch_7", "B_epoch_8") for which in ("best", "worst")}
        tables = {f"table.{suffix}" for suffix in ("txt", "md", "csv", "jsonl")}
        written = {path.name for path in (tmp_path / "out").iterdir()}
        assert written == {"pairs.csv", "characters.csv", "clips.csv", "renders", *sheets, *tables}

    def test_intervals_are_there_unless_they_are_left_out(self, run, tmp_path: Path) -> None:
        _, with_intervals, _ = run("result/A", "--pairs", "test/pairs.csv")
        assert " ±0." in with_intervals and "bootstrap over pairs" in with_intervals
        assert "paired permutation test" in with_intervals
        status, without, _ = run("result/A", "--pairs", "test/pairs.csv", "--no_intervals")
        assert status == 0 and not any(word in without for word in ("±", "*:", "~:", "intervals", "permutation"))
        header = (tmp_path / "out" / "table.csv").read_text().splitlines()[0]
        assert header == "method,kind,l1,ssim,lpips,fid,l1_foreground,ssim_foreground,pairs"
        row = json.loads((tmp_path / "out" / "table.jsonl").read_text().splitlines()[0])
        assert set(row) == {*header.split(","), "notes", "remarks", "protocol"}

    def test_chosen_metrics_and_a_page(self, run, tmp_path: Path) -> None:
        html = tmp_path / "deep" / "report.html"
        status, out, _ = run("result/A", "--pairs", "test/pairs.csv", "--metrics", "ssim,kid", "--html", html)
        assert status == 0 and out.splitlines()[0].split() == ["method", "SSIM", "KID", "alex", "pairs"]
        assert "KID: alexnet-owt-7be5be79.pth is not in empty" in out and "2,048 pooled" not in out
        text = html.read_text()
        assert text.startswith("<!doctype html>") and "A (epoch 7)" in text and "https:" not in text.split("<main>")[0]

    @pytest.mark.skipif(not WEIGHTS.is_dir(), reason="no published weights beside the repository")
    def test_lpips_has_its_column_and_the_variable_serves_as_the_option(self, run, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("CAPTURE_WEIGHTS", str(WEIGHTS.resolve()))
        status, out, _ = run("--size", 32, "--pairs", "test/pairs.csv", "--require", "lpips", weights="")
        assert status == 0 and "weights: alexnet_features.pth" in out
        assert table(tmp_path / "out")["pose returned"]["lpips"] > 0

    def test_batch_size_and_order_change_no_digit(self, run, world: Path, tmp_path: Path) -> None:
        run("result/A", "--pairs", "test/pairs.csv", "--batch_size", 8)
        expected = table(tmp_path / "out")
        header, *rows = (world / "test" / "pairs.csv").read_text().splitlines()
        turned = world / "test" / "turned.csv"
        turned.write_text("\n".join([header, *rows[::-1]]) + "\n")
        run("result/A", "--pairs", turned, "--batch_size", 1, "--out", tmp_path / "turned")
        for name, row in table(tmp_path / "turned").items():
            for key in ("l1", "ssim", "l1_foreground", "ssim_foreground"):
                assert row[key] == pytest.approx(expected[name][key], abs=1e-5)

    def test_two_processes_make_the_same_table(self, run, programs, world: Path, tmp_path: Path) -> None:
        arguments = ["result/A", "--pairs", "test/pairs.csv", "--batch_size", "2", "--device", "cpu"]
        run(*arguments)
        more = ("--weights", "empty", "--out", tmp_path / "two")
        done = programs.run("evaluate.py", *arguments, *more, folder=str(world), processes=2)
        assert done.status == 0, done.err
        assert done.out == (tmp_path / "out" / "table.txt").read_text()
        for name in ("table.csv", "table.jsonl", "pairs.csv"):
            assert (tmp_path / "two" / name).read_text() == (tmp_path / "out" / name).read_text()

    def test_pictures_rendered_elsewhere_have_the_same_numbers(self, run, tmp_path: Path) -> None:
        run("result/A", "--pairs", "test/pairs.csv")
        (tmp_path / "mine").mkdir()
        for path in (tmp_path / "out" / "renders").glob("*/*.png"):
            shutil.copy(path, tmp_path / "mine" / f"{path.name[:5]}.png")
        status, _, _ = run("result/A", "--pred", f"Their way={tmp_path / 'mine'}", "--pairs", "test/pairs.csv")
        rows = table(tmp_path / "out")
        assert status == 0 and rows["Their way"]["kind"] == "prediction"
        assert all(rows["Their way"][key] == rows["A (epoch 7)"][key] for key in ("l1", "ssim", "l1_foreground"))
        # alone, its pictures say the size
        assert run("--pred", tmp_path / "mine", "--pairs", "test/pairs.csv")[0] == 0
        assert table(tmp_path / "out")["mine"]["l1"] == rows["Their way"]["l1"]

    def test_self_reconstruction_where_there_are_no_targets(self, run, tmp_path: Path) -> None:
        status, out, _ = run("result/A", "--self", "videos")
        rows = table(tmp_path / "out")
        assert status == 0 and "self-reconstruction: the identity is another frame" in out
        assert rows["A (epoch 7)"]["pairs"] == 12
        assert rows["pose returned"]["l1"] == 0 and rows["identity returned"]["l1"] > 0
        number = out.split("pose returned (")[1][0]
        assert f"({number}) here the answer itself" in out


class TestRenderedPictures:
    def test_an_interrupted_evaluation_goes_on_where_it_stopped(self, run, tmp_path: Path) -> None:
        arguments = ("result/A", "--pairs", "test/pairs.csv", "--batch_size", 4)
        _, first, _ = run(*arguments)
        pictures = sorted((tmp_path / "out" / "renders").glob("*/*.png"))
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in pictures}
        assert len(pictures) == PAIRS
        pictures[1].unlink()
        pictures[4].write_bytes(b"")  # what a power cut can leave
        status, second, log = run(*arguments)
        assert status == 0 and second == first and "render A" in log
        for i, (path, (content, when)) in enumerate(before.items()):
            assert path.read_bytes() == content
            assert (path.stat().st_mtime_ns == when) == (i not in (1, 4))
        assert "render A" not in run(*arguments)[2]  # and with nothing missing, nothing is rendered

    def test_ctrl_c_leaves_whole_pictures_and_the_next_run_the_same_table(
        self, run, programs, world: Path, tmp_path: Path
    ) -> None:
        header, *rows = (world / "test" / "pairs.csv").read_text().splitlines()
        many = world / "test" / "many.csv"
        many.write_text("\n".join([header, *rows * REPEATS]) + "\n")
        arguments = [
            "result/A",
            "--pairs",
            "test/many.csv",
            "--batch_size",
            "1",
            "--weights",
            "empty",
            "--out",
            str(tmp_path / "out"),
        ]
        renders = tmp_path / "out" / "renders"
        evaluation = programs.start("evaluate.py", *arguments, folder=str(world))
        until = time.monotonic() + 60
        while not list(renders.glob("*/*.png")) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(evaluation.pid, signal.SIGINT)
        ended = evaluation.finish()
        assert ended.status == 130 and not ended.out and ended.err.endswith("interrupted\n")
        done = {path: path.stat().st_mtime_ns for path in renders.glob("*/*.png")}
        assert 0 < len(done) < REPEATS * PAIRS and not list(renders.glob("*/.*"))
        assert all(Image.open(path).size == (SIZE, SIZE) for path in done)
        status, _, _ = run(*arguments[:-4])
        assert status == 0 and all(path.stat().st_mtime_ns == when for path, when in done.items())
        interrupted = table(tmp_path / "out")
        run("result/A", "--pairs", "test/pairs.csv", "--batch_size", "1", "--out", tmp_path / "once")
        for name, row in table(tmp_path / "once").items():  # the same pairs, each once
            assert interrupted[name]["pairs"] == REPEATS * PAIRS
            assert [interrupted[name][key] for key in ("l1", "ssim")] == pytest.approx(
                [row["l1"], row["ssim"]], abs=1e-9
            )

    def test_an_old_picture_never_answers_for_a_new_checkpoint_or_input(self, run, world: Path, tmp_path: Path) -> None:
        shutil.copytree(world / "test", tmp_path / "test")
        make_result(tmp_path / "R", seed=1, epoch=1)
        arguments = (tmp_path / "R", "--pairs", tmp_path / "test" / "pairs.csv")
        run(*arguments)
        first = set((tmp_path / "out" / "renders").glob("*/*.png"))
        write_png(
            tmp_path / "test" / "imgs" / flat_name("hero0", "walk", "003"), make_frame((9, 9, 9), 3)
        )  # an identity
        run(*arguments)
        second = set((tmp_path / "out" / "renders").glob("*/*.png"))
        assert {path.name[:5] for path in second - first} == {"00000"}
        make_result(tmp_path / "R", seed=2, epoch=2)
        run(*arguments)
        assert len(set((tmp_path / "out" / "renders").glob("*/*.png")) - second) == PAIRS
        assert "R (epoch 2)" in table(tmp_path / "out")


class TestLimit:
    def test_a_limit_spreads_over_the_pairs(self, run, tmp_path: Path) -> None:
        _, out, _ = run("--size", SIZE, "--pairs", "test/pairs.csv", "--limit", 3)
        assert f"3 of {PAIRS} pairs, evenly spaced" in out
        with open(tmp_path / "out" / "pairs.csv") as file:
            assert [row["pair"] for row in csv.DictReader(file) if row["method"] == "pose returned"] == ["0", "2", "4"]

    def test_one_pair_is_too_few_for_fid(self, run) -> None:
        arguments = ("--size", SIZE, "--pairs", "test/pairs.csv", "--limit", 1)
        status, out, _ = run(*arguments)
        assert status == 0 and "FID needs at least 2 pairs; there is 1" in out
        status, _, err = run(*arguments, "--require", "fid")
        assert status == 2 and "FID needs at least 2 pairs" in err


class TestBadInput:
    @pytest.mark.parametrize(("metric", "weights"), [("lpips", "alex"), ("fid", "inception"), ("lpips,fid", "alex")])
    def test_required_weights_that_are_missing(self, run, tmp_path: Path, metric: str, weights: str) -> None:
        status, out, err = run("result/A", "--pairs", "test/pairs.csv", "--require", metric)
        assert status == 2 and not out and err.count("\n") == 1
        assert WEIGHT_FILES[weights].file in err and WEIGHT_FILES[weights].url in err
        assert not (tmp_path / "out").exists()  # it says so before anything is rendered

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            ("result/A", "give --pairs"),
            ("result/A --pairs test/pairs.csv --self videos", "give --pairs"),
            ("result/A --pairs gone.csv", "gone.csv: no such pairs file"),
            ("result/A --pairs bad.csv", "bad.csv line 3: identity 'imgs/gone.png' is not a file"),
            (
                "result/A --pairs open.csv",
                "open.csv: pair 0 (hero0__walk__000.png, hero1__walk__000.png) has no target",
            ),
            ("result/A --pairs test/broken.csv", "half.png"),
            ("result/A --self test/imgs", "no folder of two frames"),
            ("result/gone --pairs test/pairs.csv", "result/gone: no such result folder"),
            ("test --pairs test/pairs.csv", "not a result folder"),
            ("result/A result/A --pairs test/pairs.csv", "two rows would be called"),
            ("result/A --pred A=empty --pairs test/pairs.csv", "two rows would be called A"),
            ("result/A --pred empty --pairs test/pairs.csv", "empty: no picture for pair 0; name it 00000.png"),
            ("result/A --pred gone --pairs test/pairs.csv", "gone: no such folder of pictures"),
            ("result/A --size 64 --pairs test/pairs.csv", "sizes differ: --size is 64, result/A is 32"),
            (
                "result/A --pred other --pairs test/one.csv",
                "sizes differ: result/A is 32, other/00000.png is 40; one table has one size, so evaluate them",
            ),
            ("--pred other --pairs test/one.csv --size 32", "other/00000.png: 40x40, but this evaluation is at 32x32"),
            ("--pairs test/pairs.csv", "nothing to measure"),
            ("--pairs test/pairs.csv --size 8", "--size: 8x8 is smaller than SSIM's 11-pixel window"),
            ("result/A --pairs test/pairs.csv --weights gone", "gone: no such folder of weights"),
            ("result/A --pairs test/pairs.csv --require ssim", "--require ssim: give lpips"),
            ("result/A --pairs test/pairs.csv --batch_size 0", "--batch_size 0"),
            ("result/A --pairs test/pairs.csv --limit -3", "--limit -3"),
            ("result/A --pairs test/pairs.csv --lpips_net vgg19", "invalid choice: 'vgg19'"),
            ("result/A --pairs test/pairs.csv --lpips_net vgg --metrics l1", "--lpips_net vgg: --metrics l1 leaves"),
            ("result/A --pairs test/pairs.csv --suite_root test", "--suite_root: only with --suite"),
            ("result/A --pairs test/pairs.csv --segmenter gone", "--segmenter: only with --metrics pose or identity"),
            ("result/A --pairs test/pairs.csv --out test/pairs.csv", "a file is in the way"),
            ("result/NaN --pairs test/pairs.csv", "NaN or infinity in it; use an earlier checkpoint"),
        ],
    )
    def test_bad_input_is_one_line_and_status_2(
        self, run, world: Path, tmp_path: Path, words: str, complaint: str
    ) -> None:
        first = "imgs/hero0__walk__000.png,imgs/hero1__walk__000.png"
        (world / "bad.csv").write_text(f"identity,pose,target\n\nimgs/gone.png,{first}\n")
        (world / "test" / "one.csv").write_text(f"identity,pose,target\n{first},imgs/hero0__walk__000.png\n")
        (world / "open.csv").write_text(
            "identity,pose\n" + ",".join(f"test/{name}" for name in first.split(",")) + "\n"
        )
        (world / "half.png").write_bytes(png_bytes(torch.zeros(3, SIZE, SIZE, dtype=torch.uint8))[:60])
        (world / "test" / "broken.csv").write_text("identity,pose,target\n../half.png,../half.png,../half.png\n")
        if not (world / "result" / "NaN").exists():
            make_result(world / "result" / "NaN", seed=0, epoch=1, spoil=True)
            (world / "other").mkdir()
            Image.new("RGB", (40, 40)).save(world / "other" / "00000.png")
        status, out, err = run(*words.split(), weights="" if "--weights" in words else "empty")
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.strip() and "pair/s" not in line]
        assert status == 2 and not out
        assert len(lines) == 1 and lines[0].startswith("error: ") and complaint in lines[0], err
        assert not list((tmp_path / "out").glob("**/*.p*"))  # no picture and no .partial stays behind

    def test_pictures_of_another_method_can_not_have_the_name_of_a_floor(self, run) -> None:
        status, _, err = run("--pred", "pose returned=empty", "--size", SIZE, "--pairs", "test/pairs.csv")
        assert status == 2 and "two rows would be called pose returned" in err

    def test_a_real_command_line_ends_the_same_way(self, world: Path, programs) -> None:
        done = programs.run("evaluate.py", "result/A", "--pairs", "gone.csv", folder=str(world))
        assert done.status == 2 and not done.out
        assert done.err == "error: gone.csv: no such pairs file; give a CSV of identity,pose,target\n"
