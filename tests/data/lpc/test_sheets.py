"""Liberated Pixel Cup sheets -> the Mixamo tree."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.index.catalog import scan
from capture.data.lpc.sheets import BACKGROUND, CELL, CLIPS, COLUMNS, ROWS, cells, prepare_lpc
from capture.io.images import open_rgb
from capture.io.pairs import character_and_clip, read_pairs
from tests.conftest import ROOT, start
from tests.helpers.process_groups import group_has_ended


@pytest.fixture(scope="session")
def sheets(tmp_path_factory):
    """Twelve made-up sheets: a block in the character's colour in each cell, and a corner pixel numbering the cell."""
    folder = tmp_path_factory.mktemp("sheets")
    for n in range(12):
        sheet = np.zeros((ROWS * CELL, COLUMNS * CELL, 4), np.uint8)
        for row in range(ROWS):
            for column in range(COLUMNS):
                cell = sheet[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
                cell[16:48, 16:48] = (20 * n, 100, 50, 255)
                cell[0, 0] = (row, column, 0, 255)
        Image.fromarray(sheet).save(folder / f"sheet_{n:02d}.png")
    return folder


@pytest.fixture
def few_sheets(sheets, tmp_path):
    """Four of them, two of which are held out."""
    folder = tmp_path / "few sheets"
    for path, split in zip(sorted(sheets.iterdir()), ("train", "test", "train", "test")):
        (folder / split).mkdir(parents=True, exist_ok=True)
        (folder / split / path.name).symlink_to(path)
    return folder


class TestPrepareLpc:
    def test_tree_pairs_and_manifest(self, sheets, tmp_path):
        out = tmp_path / "lpc"
        manifest = prepare_lpc(sheets, out, size=64, seed=3, pairs=20, workers=2)
        assert len(manifest["test_characters"]) == 2 and len(manifest["train_characters"]) == 10
        assert not set(manifest["test_characters"]) & set(manifest["train_characters"])
        catalog = scan(out)
        assert catalog.aligned and catalog.frames == 10 * 178 and len(CLIPS) == 21
        assert json.loads((out / "manifest.json").read_text())["kind"] == "lpc"
        pairs = read_pairs(out / "test" / "pairs.csv")
        assert len(pairs) == 20
        for pair in pairs:
            identity, pose, target = (np.asarray(open_rgb(p)) for p in (pair.identity, pair.pose, pair.target))
            assert (target[32, 32] == identity[32, 32]).all() and not (
                target[32, 32] == pose[32, 32]
            ).all()  # the character
            assert (target[0, 0] == pose[0, 0]).all()  # the cell

    def test_enlarging_never_interpolates(self, few_sheets, tmp_path):
        prepare_lpc(few_sheets, tmp_path / "big", size=128, pairs=4, workers=1)
        path, _ = scan(tmp_path / "big").frame(0)
        picture = np.asarray(open_rgb(path))
        assert picture.shape == (128, 128, 3)
        assert (picture[4:32, 4:32] == BACKGROUND).all()
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 3

    def test_same_seed_gives_the_same_bytes_and_resumes(self, few_sheets, tmp_path):
        for name in ("one", "two"):
            prepare_lpc(few_sheets, tmp_path / name, size=64, pairs=8, workers=1 + (name == "two"))
        files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
        assert files == sorted(p.relative_to(tmp_path / "two") for p in (tmp_path / "two").rglob("*.*"))
        assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
        # as if it had been killed: no manifest, one frame missing
        out = tmp_path / "two"
        (out / "manifest.json").rename(out / ".prepare.json")
        lost = next((out / "train").rglob("*.png"))
        want = lost.read_bytes()
        lost.unlink()
        prepare_lpc(few_sheets, out, size=64, pairs=8, workers=1)
        assert lost.read_bytes() == want and (out / "manifest.json").is_file()

    def test_hidden_files_are_passed_over_and_endings_may_be_large(self, few_sheets, tmp_path):
        (few_sheets / "train" / "._sheet_00.png").write_bytes(b"of another system")
        first = sorted(few_sheets.glob("train/s*.png"))[0]
        first.rename(first.with_suffix(".PNG"))
        manifest = prepare_lpc(few_sheets, tmp_path / "out", size=64, pairs=4, workers=1)
        assert len(manifest["train_characters"]) == 2

    def test_names_that_no_text_file_can_hold_are_refused(self, few_sheets, tmp_path):
        first = sorted(few_sheets.glob("test/s*.png"))[0]
        first.rename(first.with_name(os.fsdecode(b"caf\xe9.png")))
        with pytest.raises(CaptureError, match="is not UTF-8; rename it"):
            prepare_lpc(few_sheets, tmp_path / "out", size=64, pairs=4, workers=1)

    @pytest.mark.parametrize("name", ["sheet_00.png", "SHEET_00.PNG"])
    def test_two_sheets_of_one_name_are_refused(self, few_sheets, tmp_path, name, bad_input):
        sorted(few_sheets.glob("test/*.png"))[0].rename(few_sheets / "test" / name)
        line = bad_input("prepare.py", "lpc", few_sheets, tmp_path / "out", "--size", "64")
        assert f"of train/sheet_00.png and test/{name}; rename one of them" in line
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("name", ["dark__elf.png", "dark_elf_.png"])
    def test_two_underscores_in_a_name_become_one(self, few_sheets, tmp_path, name):
        sorted(few_sheets.glob("test/*.png"))[0].rename(few_sheets / "test" / name)
        manifest = prepare_lpc(few_sheets, tmp_path / "out", size=64, pairs=20, workers=1)
        assert "dark_elf" in manifest["test_characters"]
        pairs = read_pairs(tmp_path / "out" / "test" / "pairs.csv")
        found = {character_and_clip(pair, tmp_path / "out" / "test") for pair in pairs}
        assert {character for character, _ in found} == set(manifest["test_characters"])
        assert {clip for _, clip in found} <= set(CLIPS)

    @pytest.mark.parametrize("option", ["--characters", "--test_characters"])
    def test_numbers_of_characters_are_refused_where_none_are_composed(self, few_sheets, tmp_path, option, bad_input):
        line = bad_input("prepare.py", "lpc", few_sheets, tmp_path / "out", "--size", "64", option, "2")
        assert f"{option} 2: {few_sheets} holds sheets" in line and "leave it out" in line
        assert not (tmp_path / "out").exists()

    def test_other_sheets_of_the_same_names_do_not_go_on(self, few_sheets, sheets, tmp_path):
        prepare_lpc(few_sheets, tmp_path / "out", size=64, pairs=4, workers=1)
        first = sorted(few_sheets.glob("train/s*.png"))[0]
        first.unlink()
        first.symlink_to(sorted(sheets.iterdir())[9])
        with pytest.raises(CaptureError, match="prepared with other parameters .files"):
            prepare_lpc(few_sheets, tmp_path / "out", size=64, pairs=4, workers=1)

    def test_refused_arguments(self, few_sheets, tmp_path):
        with pytest.raises(CaptureError, match="no such folder"):
            prepare_lpc(tmp_path / "nowhere", tmp_path / "out")
        (tmp_path / "few").mkdir()
        with pytest.raises(CaptureError, match="0 sheets to train on"):
            prepare_lpc(tmp_path / "few", tmp_path / "out")
        with pytest.raises(CaptureError, match="a multiple of 64"):
            prepare_lpc(few_sheets, tmp_path / "out", size=100)
        for name, value, least in (("pairs", -3, 1), ("seed", -1, 0)):
            with pytest.raises(CaptureError, match=f"--{name} {value}: use at least {least}"):
                prepare_lpc(few_sheets, tmp_path / "out", size=64, **{name: value})
        assert not (tmp_path / "out").exists()
        prepare_lpc(few_sheets, tmp_path / "done", size=64, pairs=4, workers=1)
        with pytest.raises(CaptureError, match="prepared with other parameters .pairs: 4 there, 5 now"):
            prepare_lpc(few_sheets, tmp_path / "done", size=64, pairs=5)
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "holiday.jpg").write_bytes(b"x")
        with pytest.raises(CaptureError, match="holds something else"):
            prepare_lpc(few_sheets, tmp_path / "taken", size=64)

    def test_interrupt_leaves_no_partial_file_and_the_same_command_finishes(self, few_sheets, tmp_path):
        out = tmp_path / "lpc"
        command = ["lpc", few_sheets, out, "--size", "256", "--workers", "2", "--pairs", "4"]
        process = start("prepare.py", *command, cwd=ROOT, start_new_session=True)
        deadline = time.monotonic() + 60
        while not list(out.rglob("*.png")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: everyone gets it
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in err and "interrupted" in err
        assert list(out.rglob("*.png")) and not list(out.rglob("*.partial")) and not (out / "manifest.json").exists()
        assert group_has_ended(process.pid)
        prepare_lpc(few_sheets, out, 256, pairs=4, workers=1)  # as the same command does
        assert scan(out).frames == 2 * 178

    def test_broken_sheet_is_named_by_a_worker(self, few_sheets, tmp_path, bad_input):
        folder = tmp_path / "sheets"
        shutil.copytree(few_sheets, folder)
        broken = folder / "test" / "sheet_03.png"
        broken.write_bytes(broken.read_bytes()[:500])
        assert "sheet_03.png: a broken picture" in bad_input(
            "prepare.py", "lpc", folder, tmp_path / "out", "--size", "64"
        )
        assert not (tmp_path / "out" / "manifest.json").exists()

    def test_sheet_of_another_layout_is_named(self, sheets, tmp_path):
        Image.new("RGBA", (100, 100)).save(tmp_path / "odd.png")
        with pytest.raises(CaptureError, match="odd.png: 100x100 is not an LPC sheet"):
            cells(tmp_path / "odd.png")

    def test_newer_sheets_are_larger(self, sheets, tmp_path):
        old = Image.open(sheets / "sheet_03.png")
        new = Image.new("RGBA", (COLUMNS * CELL + 2 * CELL, 54 * CELL), (1, 2, 3, 255))
        new.paste(old, (0, 0))
        new.save(tmp_path / "new.png")
        before, after = cells(sheets / "sheet_03.png"), cells(tmp_path / "new.png")
        assert list(before) == list(after) and all(before[key].tobytes() == after[key].tobytes() for key in before)

    def test_real_characters(self, shared):
        sheet = sorted((shared / "data" / "lpc" / "test").glob("*.png"))[0]
        found = cells(sheet)
        assert len(found) == 178
        assert all(cell.getbbox() is not None for cell in found.values())  # no empty frame
