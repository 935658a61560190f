"""tools.join_tables: evaluations that were made apart give the table that one evaluation of all rows gives."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.writing import write_pairs
from capture.evaluation.evaluation import Request, evaluate
from capture.evaluation.parallel import Workers
from tools.join_tables import join, main, read_evaluation

PAIRS, SIZE = 6, 16


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/ and moved/, the same pairs in two places; near/, far/: predictions; ab, a, b: evaluations of these."""
    root = tmp_path_factory.mktemp("join")
    rng = np.random.default_rng(3)
    for folder in ("data", "moved"):
        (root / folder / "imgs").mkdir(parents=True)
    for i in range(PAIRS):
        target = rng.integers(0, 256, (SIZE, SIZE, 3))
        pictures = {"target": target, **{role: rng.integers(0, 256, target.shape) for role in ("identity", "pose")}}
        for folder in ("data", "moved"):
            for role, picture in pictures.items():
                Image.fromarray(picture.astype(np.uint8)).save(root / folder / "imgs" / f"hero__walk__{role}{i}.png")
        for name, distance in (("near", 8), ("far", 40)):
            (root / name).mkdir(exist_ok=True)
            made = np.clip(target + rng.integers(-distance, distance, target.shape), 0, 255)
            Image.fromarray(made.astype(np.uint8)).save(root / name / f"{i:05d}.png")
    rows = [tuple(f"imgs/hero__walk__{role}{i}.png" for role in ("identity", "pose", "target")) for i in range(PAIRS)]
    for folder in ("data", "moved"):
        write_pairs(root / folder / "pairs.csv", rows)
    for out, names, folder in (("ab", ("near", "far"), "data"), ("a", ("near",), "data"), ("b", ("far",), "moved")):
        evaluate_rows(root, out, names, folder)
    return root


def evaluate_rows(root: Path, out: str, names: tuple[str, ...], folder: str = "data", **options) -> None:
    options = {"metrics": ("l1", "ssim"), **options}
    predictions = [(name, root / name) for name in names]
    evaluate(Request([], predictions, root / folder / "pairs.csv", None, root / out, **options), Workers())


def joined(root: Path, *names: str):
    return join([read_evaluation(root / name) for name in names])


def test_rows_measured_apart_and_joined_are_the_rows_measured_together(world: Path) -> None:
    together = read_evaluation(world / "ab").lines
    lines = joined(world, "a", "b").lines
    assert [line.method for line in lines] == ["identity returned", "pose returned", "near", "far"] == list(together)
    for line in lines:
        expected, sure = together[line.method], line.certainty
        assert sure is not None
        for key in ("l1", "ssim"):
            assert line.cells[key] == pytest.approx(expected[key], abs=1e-6)
            assert sure.intervals[key] == pytest.approx(expected["intervals"][key], abs=2e-6)
        assert sure.marks == expected["marks"] and sure.p_values == pytest.approx(expected["p_values"])
    assert lines[2].certainty.marks == {"l1": "best", "ssim": "best"}


def test_the_program_writes_the_joined_table(world: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    arguments = [str(world / "a"), str(world / "b"), "--out", str(tmp_path / "joined")]
    monkeypatch.setattr(sys, "argv", ["tools.join_tables", *arguments])
    assert main() == 0
    text = (tmp_path / "joined" / "table.md").read_text()
    assert "| near | **" in text and "| far | " in text
    assert (tmp_path / "joined" / "table.txt").read_text() in capsys.readouterr().out


def test_pairs_files_with_the_paths_of_each_machine_are_joined(world: Path) -> None:
    for name, folder, out in (("near", "data", "here"), ("far", "moved", "there")):
        rows = [line.split(",") for line in (world / folder / "pairs.csv").read_text().splitlines()[1:]]
        (world / out).mkdir()
        write_pairs(world / out / "pairs.csv", [[str(world / folder / path) for path in row] for row in rows])
        evaluate_rows(world, f"{out}/evaluation", (name,), out)
    lines = joined(world, "here/evaluation", "there/evaluation").lines
    assert [line.method for line in lines][2:] == ["near", "far"]


def test_weights_of_another_name_or_without_any_are_joined(world: Path, tmp_path: Path) -> None:
    for name, weights in (("a", "none"), ("b", "weights-inception-2015-12-05-6726825d.pth")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pairs.csv").write_bytes((world / name / "pairs.csv").read_bytes())
        text = (world / name / "table.jsonl").read_text()
        changed = text.replace('"size":', f'"FID": "in float64; weights: {weights})", "size":')
        assert changed != text
        (tmp_path / name / "table.jsonl").write_text(changed)
    assert len(joined(tmp_path, "a", "b").lines) == 4


def test_other_pictures_of_the_same_names_are_refused(world: Path, tmp_path: Path) -> None:
    root = tmp_path
    for name in ("data", "near", "far"):
        (root / name).symlink_to(world / name)
    (root / "moved" / "imgs").mkdir(parents=True)
    for path in (world / "data" / "imgs").iterdir():
        picture = np.asarray(Image.open(path)).copy()
        if path.name.endswith("identity2.png"):
            picture[:8] = 0
        Image.fromarray(picture).save(root / "moved" / "imgs" / path.name)
    (root / "moved" / "pairs.csv").write_bytes((world / "data" / "pairs.csv").read_bytes())
    evaluate_rows(root, "a", ("near",))
    evaluate_rows(root, "b", ("far",), "moved")
    with pytest.raises(CaptureError, match="identity returned differs by 0.* the pictures are not the same"):
        joined(root, "a", "b")


def test_evaluations_that_do_not_fit_are_refused(world: Path) -> None:
    evaluate_rows(world, "fewer", ("far",), limit=3)
    evaluate_rows(world, "l1_only", ("far",), metrics=("l1",))
    evaluate_rows(world, "no_intervals", ("far",), metrics=("l1", "ssim"), intervals=False)
    for out, words in (
        ("fewer", "other pairs"),
        ("l1_only", "SSIM is measured otherwise"),
        ("no_intervals", "no_intervals: measured with --no_intervals; evaluate again"),
        ("ab", "both have a row near"),
    ):
        with pytest.raises(CaptureError, match=words):
            joined(world, "a", out)


@pytest.mark.parametrize("spoil", ["missing", "words", "a method without pairs", "cut off", "other numbers"])
def test_a_folder_without_an_evaluation_is_refused(world: Path, tmp_path: Path, spoil: str) -> None:
    for name in ("pairs.csv", "table.jsonl"):
        (tmp_path / name).write_bytes((world / "a" / name).read_bytes())
    path = tmp_path / "pairs.csv"
    if spoil == "missing":
        path.unlink()
    elif spoil == "words":
        path.write_text("some words\n")
    elif spoil == "cut off":
        path.write_text(path.read_text().rpartition(",")[0].rpartition(",")[0])
    elif spoil == "other numbers":
        path.write_text(re.sub(r"(near,2,(?:[^,]*,){5})[0-9.]+", r"\g<1>0.9", path.read_text()))
    else:
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("near")))
    with pytest.raises(CaptureError, match=r"pairs\.csv.*as evaluate\.py writes them"):
        read_evaluation(tmp_path)


def test_segmenters_in_folders_of_each_machine_are_one_segmenter(world: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pairs.csv").write_bytes((world / name / "pairs.csv").read_bytes())
        how = f'"Identity": "mean distance; parts by the segmenter of /{name}/Toon, found in both", "size":'
        text = (world / name / "table.jsonl").read_text()
        (tmp_path / name / "table.jsonl").write_text(text.replace('"size":', how))
    assert len(joined(tmp_path, "a", "b").lines) == 4
