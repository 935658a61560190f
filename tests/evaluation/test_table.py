"""The table as people and programs read it."""

import csv
import io
import json
import math

import pytest

from capture.evaluation.significance import Certainty
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


def certain(marks: dict[str, str], kind: str = "result", method: str = "mine") -> Line:
    intervals = {"l1": (0.0120, 0.0128), "lpips": (0.1, 0.108)}
    cells = {"l1": 0.0123, "lpips": 0.104, "fid": 30.0}
    return Line(method, kind, 7, cells, certainty=Certainty(intervals, marks, {"l1": 0.25}))


class TestIntervals:
    def test_numbers_have_their_intervals_and_marks(self) -> None:
        table = Table([certain({"l1": "best", "lpips": "tied"})], {"size": "64x64"}, [])
        line = table.text().splitlines()[2]
        assert "0.0123* ±0.0004" in line and "0.1040~ ±0.004" in line and "30.0000 " in line
        markdown = table.markdown()
        assert "| **0.0123** ±0.0004 |" in markdown and "| 0.1040~ ±0.004 |" in markdown and " 0.0123* " not in markdown
        assert "*: better than every other" in table.text() and "Bold: better" in markdown
        assert "cannot tell apart" in table.text() and "cannot tell apart" in markdown

    def test_marks_that_do_not_occur_are_not_explained(self) -> None:
        text = Table([certain({})], {"size": "64x64"}, []).text()
        assert "*:" not in text and "~:" not in text and "±" in text

    def test_csv_and_jsonl_have_ends_marks_and_p_values(self) -> None:
        table = Table([certain({"l1": "best"}), Line("theirs", "published", None, {"l1": 0.5})], {"size": "64x64"}, [])
        mine, theirs = csv.DictReader(io.StringIO(table.csv()))
        assert [mine[f"l1_{what}"] for what in ("low", "high", "mark", "p")] == ["0.012", "0.0128", "best", "0.25"]
        assert mine["fid_low"] == theirs["l1_low"] == theirs["l1_mark"] == ""
        assert list(mine)[: len(COLUMNS) + 3] == ["method", "kind", *COLUMNS, "pairs"]
        mine, theirs = map(json.loads, table.jsonl().splitlines())
        assert mine["intervals"]["lpips"] == [0.1, 0.108] and mine["marks"] == {"l1": "best"}
        assert mine["p_values"] == {"l1": 0.25} and "intervals" not in theirs

    def test_a_table_of_other_columns(self) -> None:
        columns = {"lpips": "LPIPS", "pose_error": "Pose"}
        table = Table([Line("mine", "result", 7, {"lpips": 0.1, "pose_error": 0.02})], {"size": "64x64"}, [], columns)
        assert table.text().splitlines()[0].split() == ["method", "LPIPS", "Pose", "pairs"]
        assert "Pose: distance of part centres" in table.text() and "Missed" not in table.text()
        assert table.csv().splitlines()[0] == "method,kind,lpips,pose_error,pairs"


class TestMean:
    def test_mean_is_over_the_numbers_there_are(self) -> None:
        assert mean([1.0, math.nan, 2.0]) == 1.5
        assert math.isnan(mean([math.nan])) and math.isnan(mean([]))
        assert mean([0.1] * 10) == pytest.approx(0.1, rel=1e-15)
