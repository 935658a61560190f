"""`prepare.py sprites`: the tree, true targets, what is held out, and what is said about files that can't be used."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image

import prepare
from capture.common.errors import CaptureError
from capture.data.index.catalog import scan
from capture.data.sprites.layout import read_layout
from capture.data.sprites.prepare import find_characters, prepare_sprites
from capture.io.images import open_rgb
from capture.io.pairs import character_and_clip, read_pairs
from tests.conftest import ROOT, SHARED
from tests.helpers.sprite_sheets import colour_of, draw_cell, write_sheets

MORE = SHARED / "data" / "more"


def run(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["prepare.py", *map(str, argv)])
    from capture.common.errors import command_line

    with pytest.raises(SystemExit) as stop:
        command_line(prepare.main)()
    return stop.value.code, capsys.readouterr()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the sheets, their layout file, a dataset of them, its manifest)."""
    root = tmp_path_factory.mktemp("sprites")
    layout = write_sheets(root / "sheets")
    manifest, _ = prepare_sprites(root / "sheets", layout, root / "set", size=32, pairs=20, seed=3, workers=1)
    return root / "sheets", layout, root / "set", manifest


class TestTree:
    def test_characters_clips_frames_and_masks(self, made):
        _, _, out, manifest = made
        assert len(manifest["train_characters"]) == 8 and len(manifest["test_characters"]) == 2
        catalog = scan(out)
        assert catalog.aligned and catalog.characters == 8 and catalog.frames == 8 * 9  # two clips in three directions
        folder = out / "train" / manifest["train_characters"][0] / "walk_left"
        assert sorted(path.name for path in (folder / "imgs").iterdir()) == ["00.png", "01.png"]
        picture, mask = (np.asarray(Image.open(folder / kind / "00.png")) for kind in ("imgs", "mask"))
        number = int(manifest["train_characters"][0][-2:])
        assert (picture[mask > 0] == colour_of(number)).all() and (picture[mask == 0] == 235).all()
        assert (mask > 0).sum() == manifest["scale"] ** 2 * 2 * 4

    def test_pairs_have_true_targets(self, made):
        _, _, out, manifest = made
        pairs = read_pairs(out / "test" / "pairs.csv")
        assert len(pairs) == 20
        for pair in pairs:
            identity, pose, target = (np.asarray(open_rgb(path)) for path in (pair.identity, pair.pose, pair.target))
            figures = [picture[(picture != 235).any(-1)] for picture in (identity, pose, target)]
            assert (figures[0][0] == figures[2][0]).all() and (figures[1][0] != figures[2][0]).any()  # the colour
            assert ((pose != 235).any(-1) == (target != 235).any(-1)).all()  # the shape
            name, _ = character_and_clip(pair, out / "test")
            assert name in manifest["test_characters"]

    def test_the_same_seed_gives_the_same_bytes_and_a_lost_frame_is_written_again(self, made, tmp_path):
        sheets, layout, out, _ = made
        again = tmp_path / "again"
        prepare_sprites(sheets, layout, again, size=32, pairs=20, seed=3, workers=1)
        files = sorted(path.relative_to(out) for path in out.rglob("*.*") if path.is_file())
        assert files == sorted(path.relative_to(again) for path in again.rglob("*.*") if path.is_file())
        assert all((out / file).read_bytes() == (again / file).read_bytes() for file in files)
        (again / "manifest.json").rename(again / ".prepare.json")  # as if it had been killed
        lost = next((again / "train").rglob("mask/*.png"))
        want = lost.read_bytes()
        lost.unlink()
        prepare_sprites(sheets, layout, again, size=32, pairs=20, seed=3, workers=1)
        assert lost.read_bytes() == want and (again / "manifest.json").is_file()

    def test_held_out_clips_are_not_trained_on(self, made, tmp_path):
        sheets, layout, _, _ = made
        manifest, _ = prepare_sprites(sheets, layout, tmp_path / "set", 32, test_clips=2, pairs=20, workers=1)
        assert len(manifest["test_clips"]) == 2
        trained = {path.name for path in (tmp_path / "set" / "train").glob("*/*")}
        assert trained == set(manifest["train_clips"]) and not trained & set(manifest["test_clips"])
        posed = [pair.target.stem.split("__")[1] for pair in read_pairs(tmp_path / "set" / "test" / "pairs.csv")]
        assert sum(clip in manifest["test_clips"] for clip in posed) == 10

    def test_sheets_in_a_folder_test_are_held_out(self, made, tmp_path):
        sheets, layout, _, _ = made
        for number, path in enumerate(sorted(sheets.iterdir())):
            folder = tmp_path / "split" / ("test" if number < 3 else "train")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
        manifest, _ = prepare_sprites(tmp_path / "split", layout, tmp_path / "set", 32, pairs=4, workers=1)
        assert manifest["test_characters"] == ["hero_00", "hero_01", "hero_02"]


class TestMessages:
    def test_broken_sheets_and_files_that_are_passed_over(self, made, tmp_path, monkeypatch, capsys):
        sheets, layout, _, _ = made
        folder = tmp_path / "sheets"
        folder.mkdir()
        for path in sheets.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        Image.open(folder / "hero_01.png").crop((0, 0, 20, 16)).save(folder / "hero_01.png")
        (folder / "hero_02.png").write_bytes(b"\x89PNG nothing")
        Image.new("RGBA", (4, 4)).save(folder / "portrait.gif")
        code, printed = run(
            monkeypatch, capsys, "sprites", folder, layout, tmp_path / "set", "--size", 32, "--pairs", 4, "--workers", 1
        )
        lines = printed.out.splitlines()
        assert code == 3 and len(lines) == 4
        assert lines[0] == "broken: hero_01.png: 20x16 is not a number of blocks of 3x2 cells of 8x8 pixels"
        assert lines[1].startswith("broken: hero_02.png: ") and lines[2].endswith("can't be used here: portrait.gif")
        assert "6 characters to train on, 2 held out" in lines[3]
        assert json.loads((tmp_path / "set" / "manifest.json").read_text())["kind"] == "sprites"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"test_characters": 9}, "1 characters to train on and 9 held out"),
            ({"test_clips": 6}, "--test_clips 6: there are 6 clips"),
            ({"pairs": 0}, "--pairs 0: use at least 1"),
            ({"test_characters": -3}, "--test_characters -3: use at least 0"),
            ({"size": 16, "test_characters": 1}, "9 characters to train on and 1 held out"),
        ],
    )
    def test_refused_arguments(self, made, tmp_path, options, message):
        sheets, layout, _, _ = made
        with pytest.raises(CaptureError, match=message):
            prepare_sprites(sheets, layout, tmp_path / "set", **options)
        assert not (tmp_path / "set").exists()

    def test_no_such_folder_and_no_character(self, made, tmp_path):
        with pytest.raises(CaptureError, match="no such folder"):
            prepare_sprites(tmp_path / "nowhere", made[1], tmp_path / "set")
        (tmp_path / "empty").mkdir()
        with pytest.raises(CaptureError, match="no character of this layout in it; no picture has a name that fits"):
            prepare_sprites(tmp_path / "empty", made[1], tmp_path / "set")

    def test_hidden_files_and_folders_are_not_read(self, made, tmp_path):
        sheets, layout, _, _ = made
        folder = tmp_path / "sheets"
        for number, path in enumerate(sorted(sheets.iterdir())):
            place = folder / (".old" if number == 9 else "heroes") / (f".{path.name}" if number == 8 else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
        found = find_characters(folder, read_layout(layout))
        assert [one.name for one in found.characters] == [f"hero_{number:02d}" for number in range(8)]
        assert not found.broken and not found.passed_over

    @pytest.mark.parametrize("name", ["hero_01.png", "Hero_01.png"])
    def test_sheets_of_one_name_are_refused(self, made, tmp_path, name):
        sheets, layout, _, _ = made
        for place, source in (("train/hero_01.png", "hero_01.png"), (f"test/{name}", "hero_02.png")):
            (tmp_path / "sheets" / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sheets" / place).write_bytes((sheets / source).read_bytes())
        with pytest.raises(CaptureError, match=f"two characters would be called .*test/{name}.*rename one"):
            find_characters(tmp_path / "sheets", read_layout(layout))

    def test_frames_that_no_two_characters_have_in_common(self, tmp_path, bad_input):
        (tmp_path / "layout.yaml").write_text('sprites: {files: "{character}_{clip}{frame}.png"}')
        (tmp_path / "sprites").mkdir()
        for number in range(4):
            for frame in (2 * number, 2 * number + 1):
                Image.fromarray(draw_cell((9, 9, 9), 0, 0)).save(
                    tmp_path / "sprites" / f"{'abcd'[number]}_walk{frame}.png"
                )
        argv = ("sprites", tmp_path / "sprites", tmp_path / "layout.yaml", tmp_path / "set", "--size", "32")
        line = bad_input("prepare.py", *argv)
        assert "no two held-out characters share a clip, with one frame of the same name" in line
        assert not (tmp_path / "set").exists()

    def test_the_summary_of_a_shard_names_its_folder(self, made, tmp_path, monkeypatch, capsys):
        sheets, layout, _, _ = made
        options = ("--size", 32, "--pairs", 4, "--workers", 1, "--shard", "1/2")
        code, printed = run(monkeypatch, capsys, "sprites", sheets, layout, tmp_path / "set", *options)
        folder = tmp_path / "set-00001-of-00002"
        assert code == 0 and printed.out == f"{folder}: shard 1 of 2; prepare.py merge puts all together\n"
        assert folder.is_dir() and not (tmp_path / "set").exists()


class TestRealPacks:
    @pytest.mark.parametrize(
        ("pack", "layout", "characters", "frames"),
        [
            ("charles_gabriel_16x18", "charles_gabriel", 53, 40),
            ("last_guardian_sprites", "last_guardian", 89, 8),
            ("puny_characters", "puny_characters", 19, None),
        ],
    )
    def test_every_character_has_all_its_frames(self, pack, layout, characters, frames):
        if not (MORE / pack).is_dir():
            pytest.skip("no packs of characters")
        found = find_characters(MORE / pack, read_layout(ROOT / "configs" / "sprites" / f"{layout}.yaml"))
        assert len(found.characters) == characters and not found.broken
        counts = {len(character.sprites) for character in found.characters}
        assert counts == ({frames} if frames else {22 * 8, 23 * 8})
