"""The leaderboard of CaPTURe-Bench: which lists are measured, and how their tables become one page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.data.benchmark.digest import digest_pairs
from capture.data.benchmark.plan import KINDS
from capture.data.benchmark.write import DIGESTS
from capture.evaluation.evaluation import Request
from capture.evaluation.significance import BEST, Certainty
from capture.evaluation.table import Line, Table
from capture.io.images import png_bytes
from tools import leaderboard


def table_of(numbers: dict[str, float], best: str = "") -> Table:
    lines = [
        Line(name, "result", 96, {"lpips": value}, certainty=Certainty({"lpips": (value - 0.01, value + 0.01)}))
        for name, value in numbers.items()
    ]
    for line in lines:
        if line.method == best:
            line.certainty.marks["lpips"] = BEST
    return Table([*lines, Line("CaPTURe", "published", None, {"lpips": 0.0512})], {}, [])


def lines_of(table: Table) -> list[dict]:
    return [json.loads(line) for line in table.jsonl().splitlines()]


@pytest.fixture
def benchmark_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    digests = {}
    for level, style in enumerate(("shaded", "flat")):
        write_bytes(folder / style / "imgs" / "a.png", png_bytes(torch.full((3, 4, 4), level, dtype=torch.uint8)))
        write_bytes(folder / style / "pairs.csv", b"identity,pose,target\nimgs/a.png,imgs/a.png,imgs/a.png\n")
        digests[style] = digest_pairs([folder / style / "pairs.csv"])
    manifest = {"styles": ["shaded", "flat"], "digests": digests}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


class TestBoard:
    def test_rows_are_in_the_order_of_the_mean_of_all_lists(self):
        tables = {("shaded", kind): lines_of(table_of({"A": 0.3, "B": 0.2}, best="B")) for kind in KINDS}
        tables |= {("flat", kind): lines_of(table_of({"A": 0.1, "B": 0.4})) for kind in KINDS}
        text = leaderboard.board(tables, {"shaded": "aa", "flat": "bb"})
        assert text.index("### shaded") < text.index("### flat") < text.index("### All")
        assert "| A | 0.3000 ±0.010 | 0.3000 ±0.010 | 0.3000 ±0.010 |" in text
        assert "| B | **0.2000** ±0.010 | **0.2000** ±0.010 | **0.2000** ±0.010 |" in text
        assert "LPIPS, mean of 6 lists" in text and text.endswith("| A | 0.2000 |\n| B | 0.3000 |\n")
        assert "0.0512" not in text and "Digest `bb`, which is not that of CaPTURe-Bench 2." in text

    def test_the_digest_of_the_benchmark_is_printed_as_it_is(self):
        text = leaderboard.board({("flat", KINDS[0]): lines_of(table_of({"A": 0.1}))}, {"flat": DIGESTS["flat"]})
        assert f"Digest `{DIGESTS['flat']}`." in text


class TestProgram:
    def test_every_list_is_measured_with_its_own_pictures(self, benchmark_folder, tmp_path, monkeypatch, capsys):
        requests = []

        def evaluate(request, workers):
            requests.append(request)
            return table_of({"Mine": 0.2})

        for style in ("shaded", "flat"):
            for kind in KINDS:
                (tmp_path / "pictures" / style / kind).mkdir(parents=True)
        monkeypatch.setattr(leaderboard, "evaluate", evaluate)
        out = tmp_path / "out"
        argv = [benchmark_folder, "--pred", f"Mine={tmp_path / 'pictures'}", "--out", out]
        monkeypatch.setattr(sys, "argv", ["leaderboard", *map(str, argv)])
        leaderboard.main()
        assert [request.pairs.relative_to(benchmark_folder).as_posix() for request in requests] == [
            f"{style}/{kind}.csv" for style in ("shaded", "flat") for kind in KINDS
        ]
        assert [request.predictions for request in requests] == [
            [("Mine", tmp_path / "pictures" / style / kind)] for style in ("shaded", "flat") for kind in KINDS
        ]
        assert requests[0].size == 128 and requests[0].out == out / "shaded" / KINDS[0]
        assert (out / "board.md").read_text() == capsys.readouterr().out

    def test_a_list_is_measured_again_where_its_pictures_changed_and_nowhere_else(
        self, benchmark_folder, tmp_path, monkeypatch, capsys
    ):
        measured = []

        def evaluate(request, workers):
            measured.append(request.out.name)
            table = table_of({"Mine": 0.2})
            write_bytes(request.out / "table.jsonl", table.jsonl().encode())
            return table

        for kind in KINDS:
            write_bytes(tmp_path / "pictures" / "flat" / kind / "00000.png", b"picture")
        monkeypatch.setattr(leaderboard, "evaluate", evaluate)
        argv = [
            benchmark_folder,
            "--pred",
            f"Mine={tmp_path / 'pictures'}",
            "--styles",
            "flat",
            "--out",
            tmp_path / "out",
        ]
        monkeypatch.setattr(sys, "argv", ["leaderboard", *map(str, argv)])
        leaderboard.main()
        first = capsys.readouterr().out
        leaderboard.main()
        assert measured == list(KINDS) and capsys.readouterr().out == first
        (tmp_path / "pictures" / "flat" / KINDS[1] / "00000.png").write_bytes(b"another")
        leaderboard.main()
        assert measured == [*KINDS, KINDS[1]]
        sys.argv += ["--metrics", "lpips"]
        leaderboard.main()
        assert len(measured) == 7

    def test_what_a_result_s_table_depends_on(self, tmp_path):
        def key(**changed) -> str:
            options = {"results": [tmp_path / "run"], "predictions": [], "pairs": tmp_path / "turned_views.csv"}
            request = Request(**{**options, "self_folder": None, "out": tmp_path, **changed})
            return leaderboard.key_of(request, "digest")

        write_bytes(tmp_path / "run" / "CheckPoint" / "latest_checkpoint.pt", b"weights")
        before = key()
        write_bytes(tmp_path / "run" / "log.txt", b"a log changes nothing")
        assert key() == before
        assert before not in (key(references=["puppet"]), key(size=64), key(pairs=tmp_path / "same_proportions.csv"))
        write_bytes(tmp_path / "run" / "CheckPoint" / "latest_checkpoint.pt", b"other weights")
        assert key() != before
        linked = tmp_path / "linked"
        linked.mkdir()
        (linked / "CheckPoint").symlink_to(tmp_path / "run" / "CheckPoint")
        before = key(results=[linked])
        write_bytes(tmp_path / "run" / "CheckPoint" / "latest_checkpoint.pt", b"third weights")
        assert key(results=[linked]) != before

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (("result/Toon", "--styles", "sketch"), "no such style; there are shaded, flat"),
            ((), "nothing to measure"),
            (("--pred", "Mine=nowhere"), "no shaded/same_proportions in it"),
            (("result/Toon", "--metrics", "l1,ssim"), "--metrics l1,ssim: the leaderboard ranks by lpips"),
            (("result/Toon", "--size", "0"), "--size 0: use at least 1"),
            (("result/Toon", "--out", __file__), "test_leaderboard.py: a file is in the way"),
        ],
    )
    def test_what_cannot_be_measured_is_said_first(self, argv, message, benchmark_folder, tmp_path, monkeypatch):
        out = () if "--out" in argv else ("--out", str(tmp_path / "out"))
        monkeypatch.setattr(sys, "argv", ["leaderboard", str(benchmark_folder), *argv, *out])
        with pytest.raises(CaptureError, match=message):
            leaderboard.main()

    def test_pictures_that_were_changed_are_refused(self, benchmark_folder):
        (benchmark_folder / "flat" / "imgs" / "a.png").write_bytes(
            png_bytes(torch.ones(3, 4, 4, dtype=torch.uint8) * 9)
        )
        assert leaderboard.read_styles(benchmark_folder, "shaded")[0] == ["shaded"]
        with pytest.raises(CaptureError, match="flat: its files were changed after they were written"):
            leaderboard.read_styles(benchmark_folder, "")

    def test_a_folder_that_is_no_benchmark_is_refused(self, tmp_path):
        with pytest.raises(CaptureError, match="no finished CaPTURe-Bench; write it with prepare.py benchmark"):
            leaderboard.read_styles(tmp_path, "")
