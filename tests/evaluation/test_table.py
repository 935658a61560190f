"""The table as people and programs read it."""

import csv
import io
import json
import math

import pytest

from capture.evaluation.table import COLUMNS, Line, Table, mean

TABLE = Table(
    lines=[
        Line(
            "mine | new",
            "result",
            7,
            {"l1": 0.01234567, "ssim": 0.9, "lpips": math.nan},
            {"lpips": "why", "fid": "why"},
        ),
        Line("theirs", "published", None, {"l1": 0.5, "ssim": 0.6, "lpips": 0.7, "fid": 36.0141}),
    ],
    protocol={"size": "64x64"},
    remarks=["mind this"],
)


class TestTable:
    def test_table_as_text(self) -> None:
        lines = TABLE.text().splitlines()
        assert lines[0].split("  ")[0] == "method"
        assert lines[2].split() == [
            "mine",
            "|",
            "new",
            "0.0123",
            "0.9000",
            "n/a",
            "(1)",
            "n/a",
            "(1)",
            "n/a",
            "n/a",
            "7",
        ]
        assert lines[3].split() == ["[published]", "theirs", "0.5000", "0.6000", "0.7000", "36.0141", "-", "-", "-"]
        assert "(1) why" in lines and "(2)" not in TABLE.text() and "mind this" in lines and "  size  64x64" in lines

    def test_table_as_markdown(self) -> None:
        lines = TABLE.markdown().splitlines()
        assert lines[0].count("|") == lines[1].count("|") == len(COLUMNS) + 3
        assert lines[2].startswith("| mine \\| new | 0.0123 |")
        assert "- (1) why" in lines and "- mind this" in lines and "- **size**: 64x64" in lines

    def test_csv_and_jsonl_keep_every_digit(self) -> None:
        rows = list(csv.DictReader(io.StringIO(TABLE.csv())))
        assert [row["method"] for row in rows] == ["mine | new", "theirs"]
        assert (rows[0]["l1"], rows[0]["lpips"], rows[0]["pairs"]) == ("0.01234567", "", "7")
        mine, theirs = map(json.loads, TABLE.jsonl().splitlines())
        assert mine["l1"] == 0.01234567 and mine["lpips"] is None and mine["protocol"] == {"size": "64x64"}
        assert theirs["kind"] == "published" and theirs["pairs"] is None
        assert "protocol" not in theirs  # it wasn't measured by ours


class TestMean:
    def test_mean_is_over_the_numbers_there_are(self) -> None:
        assert mean([1.0, math.nan, 2.0]) == 1.5
        assert math.isnan(mean([math.nan])) and math.isnan(mean([]))
        assert mean([0.1] * 10) == pytest.approx(0.1, rel=1e-15)
