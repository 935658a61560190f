"""Suites: their files, the share of the better floor, the worst style, and datasets that are missing."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from capture.common.errors import CaptureError
from capture.common.shipped import suite_files
from capture.evaluation.suite import SuiteDataset, read_suite, suite_lines
from capture.evaluation.suite_table import SuiteLine, SuiteTable
from capture.evaluation.table import Line, Table

HELD_OUT_OF_TRAINING = {"lpc", "last_guardian_sprites", "kenney_mini_characters", "quaternius_animals"}


def line(dataset: str, method: str, lpips: float | None, floor: float | None = 0.2) -> SuiteLine:
    return SuiteLine(dataset, "drawn | inked", "pack", method, 4, 0.05, 0.7, lpips, floor, "pose returned")


TABLE = SuiteTable(
    [line("one", "A", 0.1), line("one", "B", 0.3), line("two", "A", 0.15), line("two", "B", 0.25)], ["three"]
)


class TestReadSuite:
    def test_the_suite_of_styles(self):
        suite = read_suite("styles")
        assert {one.name for one in suite.datasets if one.held_out == "pack"} == HELD_OUT_OF_TRAINING
        assert {"toon", "quaternius"} < {one.name for one in suite.datasets}
        assert suite == read_suite(suite_files()["styles"])

    def test_every_command_of_the_suite_is_one_of_prepare(self):
        from capture.cli.prepare_options import build_parser

        for dataset in read_suite("styles").datasets:
            args = build_parser("").parse_args(dataset.words("DATA", "OUT"))
            assert str(args.out) == "OUT" and args.size == 128

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("datasets: []", "datasets: List should have at least 1 item"),
            ("datasets: [{name: a, family: b}]", "datasets.0.held_out: Field required"),
            ("datasets: [{name: a/b, family: b, held_out: pack}]", "datasets.0.name"),
            ("datasets: [{name: a, family: b, held_out: pack, pares: x}]", "datasets.0.pares: unknown key"),
            ("datasets: [&a {name: a, family: b, held_out: pack}, *a]", "two datasets are called a"),
            ("- 1", "expected datasets at the top level"),
        ],
    )
    def test_wrong_files(self, tmp_path, text, message):
        (tmp_path / "mine.yaml").write_text(text)
        with pytest.raises(CaptureError) as caught:
            read_suite(tmp_path / "mine.yaml")
        assert message in str(caught.value) and "\n" not in str(caught.value)

    def test_no_such_suite(self):
        with pytest.raises(CaptureError, match="--suite nothing: no such suite; give styles, or a file"):
            read_suite("nothing")


class TestSuiteLines:
    DATASET = SuiteDataset(name="one", family="drawn", held_out="pack")

    def table(self, identity: float, pose: float) -> Table:
        lines = [
            Line("identity returned", "floor", 4, {"lpips": identity}),
            Line("pose returned", "floor", 4, {"lpips": pose}),
            Line("A", "result", 4, {"l1": 0.1, "ssim": 0.9, "lpips": 0.12}),
            Line("Theirs", "prediction", 4, {"l1": 0.2, "ssim": 0.8, "lpips": 0.3}),
            Line("CaPTURe", "published", None, {"lpips": 0.05}),
        ]
        return Table(lines, {}, [])

    def test_a_share_is_that_of_the_better_floor(self):
        mine, theirs = suite_lines(self.DATASET, self.table(0.4, 0.3))
        assert (mine.method, mine.floor, mine.floor_lpips) == ("A", "pose returned", 0.3)
        assert mine.share == pytest.approx(0.4) and theirs.share == pytest.approx(1.0)
        assert suite_lines(self.DATASET, self.table(0.24, 0.3))[0].share == pytest.approx(0.5)

    def test_no_share_without_lpips_or_where_copying_is_perfect(self):
        assert suite_lines(self.DATASET, self.table(math.nan, math.nan))[0].share is None
        assert suite_lines(self.DATASET, self.table(0.0, 0.3))[0].share is None


class TestSuiteTable:
    def test_the_worst_style_of_each_result_comes_last(self):
        lines = TABLE.text().splitlines()
        assert lines[0].split()[:2] == ["dataset", "family"] and len(lines[2].split()) >= 10
        assert lines[-2:] == [
            "worst style of A: two, 75% of the better floor",
            "worst style of B: one, 150% of the better floor",
        ]
        assert "not measured, because missing: three" in lines

    def test_markdown(self):
        lines = TABLE.markdown().splitlines()
        assert lines[1] == "|---|---|---|---|---|---|---|---|---|---|"
        assert lines[2] == "| one | drawn \\| inked | pack | A | 0.0500 | 0.7000 | 0.1000 | 0.2000 p | 50% | 4 |"
        assert lines[-1] == "- worst style of B: one, 150% of the better floor"

    def test_csv_and_json_lines_have_every_digit(self):
        rows = list(csv.DictReader(io.StringIO(TABLE.csv())))
        assert [float(row["share"]) for row in rows] == [one.share for one in TABLE.lines]
        found = [json.loads(text) for text in TABLE.jsonl().splitlines()]
        assert [one["worst"] for one in found] == [False, True, True, False] and found[0]["missing"] == ["three"]

    def test_what_was_not_measured(self):
        table = SuiteTable([line("one", "A", None, None)], [])
        assert "n/a" in table.text() and table.worst("A") is None
        assert table.text().splitlines()[-1] == "worst style of A: not known, because LPIPS was not measured"
        assert next(csv.DictReader(io.StringIO(table.csv())))["share"] == ""
