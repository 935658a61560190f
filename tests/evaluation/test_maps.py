"""Methods that read IUV maps, in evaluate.py: the maps of the pairs file reach them, and the table says which."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.registry import METHODS
from capture.config.load import load_config
from capture.evaluation.evaluation import row_name
from capture.evaluation.maps import PredictedMaps, map_labels
from capture.evaluation.parallel import Workers
from capture.methods.build import build_generator
from tests.conftest import draw_figure, write_result
from tests.helpers.hostile_maps import WRONG, write_wrong_map
from tests.helpers.map_method import MAP_METHOD

SIZE, PAIRS = 32, 3


def write_map(path: Path, pair: int) -> None:
    """The map of a picture uv/NAME.png: part 5 where imgs/NAME.png has a figure, with another u for each pair."""
    picture = np.asarray(Image.open(path.parent.parent / "imgs" / path.name))
    iuv = np.where((picture != 235).any(-1, keepdims=True), np.uint8((5, 100 + pair, 200)), np.uint8(0))
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(iuv).save(path)


@pytest.fixture
def dataset(tmp_path) -> Path:
    """test/pairs.csv with the columns of all three maps."""
    test = tmp_path / "test"
    rows = ["identity,pose,target,identity_uv,pose_uv,target_uv"]
    for i in range(PAIRS):
        for k, role in enumerate(("identity", "pose", "target")):
            draw_figure(test / "imgs" / f"{role}{i}.png", i + k, i)
            write_map(test / "uv" / f"{role}{i}.png", 3 * k + i)
        names = [f"imgs/{role}{i}.png" for role in ("identity", "pose", "target")]
        rows.append(",".join(names + [name.replace("imgs", "uv") for name in names]))
    (test / "pairs.csv").write_text("\n".join(rows) + "\n")
    return test


@pytest.fixture
def result(tmp_path, monkeypatch):
    """Writes a result of the method that draws maps: result("target_uv") -> its folder."""
    monkeypatch.setitem(METHODS, "map_method", MAP_METHOD)
    monkeypatch.delenv("CAPTURE_WEIGHTS", raising=False)

    def make(reads: str) -> Path:
        config = load_config([], ["--method", "map_method", "--image_size", str(SIZE), "--reads", reads])
        return write_result(tmp_path / "result" / reads.replace(" ", "-"), build_generator(config), config)

    return make


def command(result: Path, dataset: Path, out: Path) -> list:
    (out / "none").mkdir(parents=True, exist_ok=True)
    return ["evaluate.py", result, "--pairs", dataset / "pairs.csv", "--out", out, "--weights", out / "none"]


def pictures(out: Path) -> dict[str, Path]:
    """The rendered pictures by the index of their pair."""
    return {path.name[:5]: path for path in (out / "renders").glob("*/*.png")}


class TestMapsInTheTable:
    @pytest.mark.parametrize(
        ("reads", "label"),
        [
            ("target_uv", " [true map]"),
            ("pose_uv", " [driver's map]"),
            ("identity_uv target_uv", " [true map]"),
            ("identity_uv", ""),
        ],
    )
    def test_a_row_says_which_map_it_was_given(self, result, dataset, tmp_path, run_main, reads, label):
        folder, out = result(reads), tmp_path / "out"
        status, text, err = run_main(*command(folder, dataset, out))
        assert status == 0, err
        name = folder.name + label
        assert f"\n{name}  " in text and f"| {name} | " in (out / "table.md").read_text()
        remark = f"{label.strip()}: the method was given the IUV map"
        assert (remark in text) == (remark in (out / "table.md").read_text()) == bool(label)
        with open(out / "table.csv") as file:
            assert [row["kind"] for row in csv.DictReader(file) if row["method"] == name] == ["result"]
        rows = [json.loads(line) for line in (out / "table.jsonl").read_text().splitlines()]
        assert [row["kind"] for row in rows if row["method"] == name] == ["result"]
        with open(out / "pairs.csv") as file:
            assert {row["method"] for row in csv.DictReader(file)} == {"identity returned", "pose returned", name}

    def test_methods_without_maps_have_no_label(self):
        assert row_name("A", 7, []) == "A (epoch 7)" and row_name("A", None, []) == "A"
        assert row_name("A", 7, map_labels(["pose_uv", "target_uv"])) == "A (epoch 7) [driver's map, true map]"


class TestFramingWithMaps:
    def test_framing_is_refused_before_anything_is_rendered(self, result, dataset, tmp_path, run_main):
        folder, out = result("target_uv"), tmp_path / "out"
        status, _, err = run_main(*command(folder, dataset, out), "--framing", "auto")
        assert status == 2 and err.count("\n") == 1
        for word in ("--framing auto", folder.name, "target_uv", "leave --framing out"):
            assert word in err
        assert not (out / "renders").exists()

    def test_without_framing_the_same_command_is_carried_out(self, result, dataset, tmp_path, run_main):
        out = tmp_path / "out"
        status, _, err = run_main(*command(result("target_uv"), dataset, out), "--framing", "as_is")
        assert status == 0, err
        assert len(pictures(out)) == PAIRS


class TestRenderingWithMaps:
    @pytest.mark.parametrize("role", ("identity", "pose", "target"))
    def test_every_pair_is_rendered_from_its_own_map(self, result, dataset, tmp_path, run_main, role):
        assert run_main(*command(result(f"{role}_uv"), dataset, tmp_path / "out"))[0] == 0
        made = pictures(tmp_path / "out")
        assert len(made) == PAIRS
        for i in range(PAIRS):
            iuv = np.asarray(Image.open(dataset / "uv" / f"{role}{i}.png"))
            identity = np.asarray(Image.open(dataset / "imgs" / f"identity{i}.png"))
            expected = np.where(iuv[..., :1] > 0, iuv, identity)
            assert np.array_equal(np.asarray(Image.open(made[f"{i:05d}"])), expected)

    def test_a_changed_map_is_rendered_again_and_nothing_else(self, result, dataset, tmp_path, run_main):
        argv = command(result("target_uv"), dataset, tmp_path / "out")
        run_main(*argv)
        before = set(pictures(tmp_path / "out").values())
        write_map(dataset / "uv" / "target1.png", 9)
        write_map(dataset / "uv" / "pose2.png", 9)  # which this method does not read
        run_main(*argv)
        every = set((tmp_path / "out" / "renders").glob("*/*.png"))
        assert [path.name[:5] for path in every - before] == ["00001"]


class TestMissingMaps:
    def test_a_pairs_file_without_the_column(self, result, dataset, tmp_path, bad_input):
        rows = list(csv.reader((dataset / "pairs.csv").read_text().splitlines()))
        (dataset / "pairs.csv").write_text("\n".join(",".join(row[:5]) for row in rows) + "\n")
        message = bad_input(*command(result("target_uv"), dataset, tmp_path / "out"))
        assert "pairs.csv: pair 0 (identity0.png, pose0.png) has no target_uv" in message
        assert "add the column target_uv" in message
        assert not (tmp_path / "out" / "renders").exists()

    def test_an_empty_cell(self, result, dataset, tmp_path, bad_input):
        text = (dataset / "pairs.csv").read_text()
        (dataset / "pairs.csv").write_text(text.replace("uv/pose1.png", ""))
        message = bad_input(*command(result("pose_uv"), dataset, tmp_path / "out"))
        assert "pair 1 (identity1.png, pose1.png) has no pose_uv, an IUV map that pose_uv reads" in message

    @pytest.mark.parametrize("role", ("identity", "pose", "target"))
    @pytest.mark.parametrize("wrong", sorted(WRONG))
    def test_a_wrong_map_is_one_line(self, result, dataset, tmp_path, bad_input, role, wrong):
        good = dataset / "uv" / f"{role}1.png"
        path = write_wrong_map(good, wrong, dataset / "uv" / "wrong.png")
        text = (dataset / "pairs.csv").read_text()
        (dataset / "pairs.csv").write_text(text.replace(f"uv/{role}1.png", f"uv/{path.name}"))
        message = bad_input(*command(result(f"{role}_uv"), dataset, tmp_path / "out"))
        assert path.name in message and re.search(WRONG[wrong], message)

    def test_self_reconstruction_has_no_maps(self, result, dataset, tmp_path, bad_input):
        folder = tmp_path / "videos" / "a"
        for i in range(2):
            draw_figure(folder / f"{i}.png", 0, i)
        argv = ("evaluate.py", result("target_uv"), "--self", folder.parent, "--out", tmp_path / "out")
        message = bad_input(*argv)
        assert "reads the IUV map target_uv" in message and "give --pairs, a CSV with the column target_uv" in message


class ConstantPredictor:
    """Predicts a square of part 7 for every picture, and counts."""

    def __init__(self, source: Path):
        self.source, self.predicted = source, []

    def predict(self, path: Path) -> np.ndarray:
        self.predicted.append(path.name)
        uv = np.zeros((SIZE, SIZE, 3), np.uint8)
        uv[10:20, 10:20] = (7, 50, 60)
        return uv

    def note(self) -> str:
        return "has no IUV map; one was predicted"


@pytest.fixture
def predictor(tmp_path, monkeypatch) -> ConstantPredictor:
    """What --predict_uv loads."""
    (tmp_path / "weights").write_bytes(b"weights")
    predictor = ConstantPredictor(tmp_path / "weights")
    monkeypatch.setattr("capture.evaluation.maps.MapPredictor.load", lambda *_: predictor)
    return predictor


class TestPredictedMaps:
    @pytest.mark.parametrize("reads", ("identity_uv target_uv", "identity_uv pose_uv"))
    def test_pairs_without_maps_and_a_second_run(self, result, dataset, tmp_path, run_main, predictor, reads):
        rows = list(csv.reader((dataset / "pairs.csv").read_text().splitlines()))
        (dataset / "pairs.csv").write_text("\n".join(",".join(row[:3]) for row in rows) + "\n")
        argv = [*command(result(reads), dataset, tmp_path / "out"), "--predict_uv", tmp_path]
        status, text, err = run_main(*argv)
        assert status == 0, err
        assert " [predicted map]  " in text and "[predicted map]: IUV maps that the pairs do not name" in text
        assert "true map]" not in text and "driver's map]" not in text
        assert "identity0.png: has no IUV map" in err and "and 3 more files: has no IUV map" in err
        assert sorted(predictor.predicted) == sorted(
            f"{role}{i}.png" for role in ("identity", "pose") for i in range(3)
        )
        for i in range(PAIRS):
            made = np.asarray(Image.open(pictures(tmp_path / "out")[f"{i:05d}"]))
            assert (made[10:20, 10:20] == (7, 50, 60)).all()
        assert run_main(*argv)[0] == 0
        assert len(predictor.predicted) == 2 * PAIRS and len(pictures(tmp_path / "out")) == PAIRS

    def test_maps_that_are_there_are_used_and_the_row_says_both(self, result, dataset, tmp_path, run_main, predictor):
        text = (dataset / "pairs.csv").read_text()
        (dataset / "pairs.csv").write_text(text.replace("uv/target1.png", ""))  # uv/pose1.png drives in its place
        folder = result("target_uv")
        status, text, err = run_main(*command(folder, dataset, tmp_path / "out"), "--predict_uv", tmp_path)
        assert status == 0, err
        assert "[true map, driver's map]" in text and predictor.predicted == []
        iuv = np.asarray(Image.open(dataset / "uv" / "pose1.png"))
        identity = np.asarray(Image.open(dataset / "imgs" / "identity1.png"))
        made = np.asarray(Image.open(pictures(tmp_path / "out")["00001"]))
        assert np.array_equal(made, np.where(iuv[..., :1] > 0, iuv, identity))

    def test_every_map_is_predicted_while_another_process_writes_its_share(self, tmp_path, predictor):
        workers = Workers()
        workers.count, workers.rank, workers.wait = 2, 1, lambda: None
        pictures = [tmp_path / f"{i}.png" for i in range(5)]
        for i, path in enumerate(pictures):
            draw_figure(path, i, i)
        maps = PredictedMaps(predictor, tmp_path / "maps", workers)
        files = [maps._file(path) for path in pictures]
        files[0].parent.mkdir()
        files[0].write_bytes(b"of the other process")
        maps.write()
        assert predictor.predicted == ["1.png", "3.png"]

    def test_methods_that_read_no_maps_refuse_the_option(self, result, dataset, tmp_path, run_main, bad_input):
        folder = result("")
        message = bad_input(*command(folder, dataset, tmp_path / "out"), "--predict_uv", "result/Toon")
        assert "no method here reads maps; leave --predict_uv out" in message
