"""`evaluate.py --suite` from the command line to the files, with a tiny untrained result."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from capture.io.pairs import read_pairs
from tests.conftest import SHARED
from tests.helpers.sprite_sheets import write_sheets

SUITE = """
datasets:
  - name: blocks
    family: drawn
    held_out: characters
    count: 3
    make: sprites {data}/sheets {data}/layout.yaml {out}
  - {name: others, family: drawn, held_out: pack, count: 2}
  - {name: absent, family: none, held_out: pack, make: "lpc {data}/lpc {out} --size 64"}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with suite.yaml and two of its three datasets."""
    from capture.data.sprites.prepare import prepare_sprites

    folder = tmp_path_factory.mktemp("suite")
    layout = write_sheets(folder / "sheets", 6)
    prepare_sprites(folder / "sheets", layout, folder / "blocks", size=32, pairs=5, workers=1)
    shutil.copytree(folder / "blocks", folder / "others")
    (folder / "suite.yaml").write_text(SUITE)
    return folder


def test_missing_datasets_are_named_and_the_others_measured(root, untrained, tmp_path, run_main):
    status, out, err = run_main(
        *("evaluate.py", untrained, "--suite", root / "suite.yaml", "--suite_root", root),
        *("--weights", root, "--out", tmp_path / "out"),
    )
    assert status == 0, err
    how = f"python prepare.py lpc DATA/lpc {root / 'absent'} --size 64"
    assert f"absent: not in {root}; make it with: {how}" in err
    assert [text.split()[0] for text in out.splitlines()[2:4]] == ["blocks", "others"]
    assert out == (tmp_path / "out" / "suite.txt").read_text()
    assert out.splitlines()[-1] == "worst style of tiny: not known, because LPIPS was not measured"
    rows = list(csv.DictReader((tmp_path / "out" / "suite.csv").open()))
    assert [(row["dataset"], row["pairs"]) for row in rows] == [("blocks", "3"), ("others", "2")]
    alone = json.loads((tmp_path / "out" / "blocks" / "table.jsonl").read_text().splitlines()[2])
    assert float(rows[0]["l1"]) == alone["l1"] and float(rows[0]["ssim"]) == alone["ssim"]
    assert {"suite.txt", "suite.md", "suite.csv", "suite.jsonl", "blocks", "others"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_the_worst_style_with_lpips(root, untrained, tmp_path, run_main):
    if not (SHARED / "weights" / "alexnet_features.pth").is_file():
        pytest.skip("no weights of LPIPS")
    status, out, err = run_main(
        *("evaluate.py", untrained, "--suite", root / "suite.yaml", "--suite_root", root, "--limit", 1),
        *("--weights", SHARED / "weights", "--require", "lpips", "--out", tmp_path / "out"),
    )
    assert status == 0, err
    rows = [json.loads(text) for text in (tmp_path / "out" / "suite.jsonl").read_text().splitlines()]
    assert all(row["pairs"] == 1 and row["share"] == row["lpips"] / row["floor_lpips"] for row in rows)
    worst = max(rows, key=lambda row: row["share"])
    assert out.splitlines()[-1] == f"worst style of tiny: {worst['dataset']}, {worst['share']:.0%} of the better floor"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--suite", "nothing"], "--suite nothing: no such suite"),
        (["--suite", "styles", "--pairs", "x.csv"], "it has its own pairs; leave --pairs, --self and --pred out"),
        (["--suite", "styles", "--html", "page.html"], "it is a page of one dataset, and --suite has several"),
        (["--suite", "styles", "--suite_root", "nowhere"], "none of the suite's datasets is there"),
    ],
)
def test_refused_arguments(untrained, bad_input, more, message):
    assert message in bad_input("evaluate.py", untrained, *more)


class TestSuiteData:
    def test_makes_the_datasets_that_are_asked_for(self, root, tmp_path, monkeypatch, capsys):
        from tools.suite_data import main

        argv = [root, tmp_path / "out", "--suite", root / "suite.yaml", "--only", "blocks", "--workers", 1]
        monkeypatch.setattr("sys.argv", ["tools.suite_data", *map(str, argv)])
        assert main() == 0
        assert f"blocks: python prepare.py sprites {root}/sheets" in capsys.readouterr().out
        assert len(read_pairs(tmp_path / "out" / "blocks" / "test" / "pairs.csv")) == 256

    def test_names_and_failures(self, root, tmp_path, monkeypatch):
        from capture.common.errors import CaptureError
        from tools.suite_data import main

        unknown = "--only none: no such dataset; there are blocks, absent"
        for only, message in (("none", unknown), ("absent", "not made: absent")):
            argv = [root, tmp_path / "out", "--suite", root / "suite.yaml", "--only", only]
            monkeypatch.setattr("sys.argv", ["tools.suite_data", *map(str, argv)])
            with pytest.raises(CaptureError, match=message):
                main()


class TestStyleSheet:
    def test_a_picture_of_what_was_measured(self, root, untrained, tmp_path, run_main, monkeypatch):
        from PIL import Image

        from tools import style_sheet

        out = tmp_path / "out"
        run_main("evaluate.py", untrained, "--suite", root / "suite.yaml", "--suite_root", root, "--out", out,
                 "--weights", root)  # fmt: skip
        argv = [out, tmp_path / "sheet.png", "--suite", root / "suite.yaml", "--name", "tiny"]
        monkeypatch.setattr("sys.argv", ["tools.style_sheet", *map(str, argv)])
        with pytest.raises(SystemExit) as stop:
            style_sheet.main()
        assert not stop.value.code
        sheet = Image.open(tmp_path / "sheet.png")
        one = style_sheet.HEAD + 2 * style_sheet.SIZE + style_sheet.GAP
        assert sheet.height == one and sheet.width == 3 * 4 * style_sheet.SIZE + 2 * style_sheet.GAP
        for path in list(out.glob("*/renders/tiny-*/*.png")):  # newer pictures of a result whose name begins the same
            other = path.parent.with_name("tiny-other-0123") / path.name
            other.parent.mkdir(exist_ok=True)
            Image.new("RGB", (32, 32)).save(other)
        with pytest.raises(SystemExit):
            style_sheet.main()
        assert Image.open(tmp_path / "sheet.png").tobytes() == sheet.tobytes()
        monkeypatch.setattr("sys.argv", ["tools.style_sheet", *map(str, argv), "--before", str(out)])
        with pytest.raises(SystemExit):
            style_sheet.main()
        beside = Image.open(tmp_path / "sheet.png")
        third, fourth = (
            beside.crop((k * style_sheet.SIZE, style_sheet.HEAD, (k + 1) * style_sheet.SIZE, one - style_sheet.GAP))
            for k in (2, 3)
        )
        assert beside.width == 3 * 5 * style_sheet.SIZE + 2 * style_sheet.GAP and third.tobytes() == fourth.tobytes()
