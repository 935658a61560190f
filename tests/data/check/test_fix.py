"""`prepare.py check --fix`: what is broken moves to set_aside/, nothing is lost, and the rest is a good dataset."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.check import pictures as pictures_module
from capture.data.check.check import check, examine
from capture.data.check.fix import set_aside
from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.toon.write import write_toon
from capture.io.pairs import read_pairs
from tests.conftest import draw_figure
from tests.helpers.hostile_maps import write_wrong_map

FRAMES = ("train/character_0/run/001.png", "train/character_1/jump/imgs/000.png", "test/imgs/character_7__run__0.png")


@pytest.fixture
def broken(mixamo_tree, tmp_path) -> Path:
    """Two broken frames of train/, one of test/ that a pair names, a bad row, a half-written file."""
    root = Path(shutil.copytree(mixamo_tree, tmp_path / "data"))
    for name in FRAMES:
        (root / name).write_bytes((root / name).read_bytes()[:50])
    with open(root / "test/pairs.csv", "a") as file:
        file.write("imgs/gone.png,imgs/gone.png,\n")
        file.write("imgs/character_8__run__0.png,imgs/character_8__run__1.png,\n")
    (root / "train/character_0/run/.003.png.1.partial").write_bytes(b"x")
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


class TestSetAside:
    def test_broken_files_and_pairs_are_set_aside(self, broken, tmp_path, run_main):
        before = contents(broken)
        status, out, _ = run_main("prepare.py", "check", broken, "--fix", "--json", tmp_path / "f.json")
        assert status == 0 and "5  files" in out and out.rstrip().endswith("nothing wrong")
        assert "3  frames can't be decoded" in out  # the first report
        after = contents(broken)
        moved = [*FRAMES, "train/character_0/run/.003.png.1.partial", "test/pairs.csv"]
        for name in moved:
            assert after.pop(f"set_aside/{name}") == before.pop(name)
        rows = after.pop("test/pairs.csv").decode().splitlines()
        assert rows == [
            "identity,pose,target",
            "imgs/character_8__run__0.png,imgs/character_7__run__1.png,imgs/character_8__run__1.png",
            "imgs/character_8__run__0.png,imgs/character_8__run__1.png,",
        ]
        assert after == before and len(read_pairs(broken / "test/pairs.csv")) == 2
        report = json.loads((tmp_path / "f.json").read_text())
        assert report["ok"] and sorted(m["from"] for m in report["set_aside"]) == sorted(moved)
        assert all((broken / move["to"]).is_file() for move in report["set_aside"])

    @pytest.mark.parametrize(("mark", "encoding"), [(";", "utf-8"), ("\t", "utf-16"), (",", "cp1252")])
    def test_pairs_that_a_spreadsheet_wrote_are_read_as_everywhere_else(self, broken, mark, encoding, run_main):
        """The bad row goes, and the good ones stay."""
        path = broken / "test/pairs.csv"
        for old, new in (("character_8__run__0", "é8"), ("character_8__run__1", "é9")):
            (broken / f"test/imgs/{old}.png").rename(broken / f"test/imgs/{new}.png")
        text = path.read_text().replace("character_8__run__0", "é8").replace("character_8__run__1", "é9")
        path.write_bytes(text.replace(",", mark).encode(encoding))
        good = [pair for pair in text.splitlines()[1:] if "gone" not in pair and "character_7__run__0" not in pair]
        assert run_main("prepare.py", "check", broken, "--fix")[0] == 0
        assert len(read_pairs(path)) == len(good) == 2
        assert (broken / "set_aside/test/pairs.csv").read_bytes() == text.replace(",", mark).encode(encoding)

    def test_second_fix_overwrites_nothing(self, broken, capsys):
        assert check(broken, fix=True, progress=False) == 0
        name = FRAMES[0]
        (broken / name).write_bytes(b"other")
        assert check(broken, fix=True, progress=False) == 0
        assert (broken / "set_aside" / name).read_bytes() != b"other"
        assert (broken / "set_aside/train/character_0/run/001.2.png").read_bytes() == b"other"
        assert check(broken, fix=True, progress=False) == 0
        assert "nothing to set aside" in capsys.readouterr().out

    def test_empty_clip_folder_is_removed(self, broken, capsys):
        for frame in (broken / "train/character_1/jump/imgs").iterdir():
            frame.write_bytes(b"")
        assert check(broken, fix=True, progress=False) == 0
        assert not (broken / "train/character_1/jump").exists() and (broken / "train/character_1/run").is_dir()

    def test_mask_is_set_aside_with_its_frame(self, broken, capsys):
        for name in ("train/character_0/run/mask/001.png", "train/character_1/jump/uv/000.png"):
            draw_figure(broken / name, 0, 0)
        draw_figure(broken / "train/character_0/run/mask/000.png", 0, 0)
        assert check(broken, fix=True, progress=False) == 0
        assert (broken / "set_aside/train/character_0/run/mask/001.png").is_file()
        assert (broken / "set_aside/train/character_1/jump/uv/000.png").is_file()
        assert (broken / "train/character_0/run/mask/000.png").is_file()

    @pytest.mark.parametrize("wrong", ("parts", "palette", "16 bit"))
    def test_maps_that_training_cannot_read_are_set_aside(self, tmp_path, wrong, run_main):
        write_toon(
            tmp_path / "toon", 2, 2, 2, 32, 5, uv=True, workers=1, test_characters=2, test_clips=1, progress=False
        )
        path = sorted((tmp_path / "toon").glob("train/*/*/uv/*.png"))[0]
        array = sorted((tmp_path / "toon").glob("train/*/*/uv/*.png"))[1]
        np.save(array.with_suffix(".npy"), np.asarray(Image.open(array)))
        array.unlink()
        assert run_main("prepare.py", "check", tmp_path / "toon")[0] == 0
        write_wrong_map(path, wrong, path)
        dataset = FrameDataset(scan(tmp_path / "toon"), 32, 0, cache_gb=1, uv=True)
        with pytest.raises(CaptureError, match="1 of 8 maps can't be read: .*--fix sets the broken files aside"):
            dataset.prepare(progress=False)
        status, said, _ = run_main("prepare.py", "check", tmp_path / "toon")
        assert status == 1 and "1  uv or mask pictures can't be decoded" in said
        run_main("prepare.py", "check", tmp_path / "toon", "--fix")
        assert not path.exists() and (tmp_path / "toon" / "set_aside" / path.relative_to(tmp_path / "toon")).is_file()
        assert dataset.prepare(progress=False)

    def test_rows_of_pictures_that_this_user_may_not_read_are_kept(self, mixamo_tree, tmp_path, monkeypatch):
        root = Path(shutil.copytree(mixamo_tree, tmp_path / "data"))
        before = contents(root)
        closed = root / "test" / "imgs" / "character_7__run__0.png"

        def refuse(path: Path) -> None:
            if path == closed:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        before_it = pictures_module.open_rgb
        monkeypatch.setattr(pictures_module, "open_rgb", lambda path: refuse(path) or before_it(path))
        assert check(root, fix=True, workers=1, progress=False) == 1  # the picture can't be checked
        assert contents(root) == before

    @pytest.mark.parametrize("closed", ["test/imgs", "test/pairs.csv"])
    def test_pairs_and_folders_that_this_user_may_not_read_are_kept(self, mixamo_tree, tmp_path, monkeypatch, closed):
        root = Path(shutil.copytree(mixamo_tree, tmp_path / "data"))
        before = contents(root)
        checked = examine(root, workers=1, progress=False)

        def closing(function):
            def closed_to(path, *args, **options):
                if path == root / closed or root / closed in path.parents:
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
                return function(path, *args, **options)

            return closed_to

        with monkeypatch.context() as closing_it:
            for name in ("stat", "is_file", "read_bytes"):
                closing_it.setattr(Path, name, closing(getattr(Path, name)))
            assert set_aside(checked.inventory, checked.pictures, checked.findings) == []
        assert contents(root) == before

    def test_pairs_file_without_a_good_row_is_set_aside(self, broken, capsys):
        text = "identity,pose,target\nimgs/gone.png,imgs/gone.png,\n"
        (broken / "test/pairs.csv").write_text(text)
        assert check(broken, fix=True, progress=False) == 0
        assert not (broken / "test/pairs.csv").exists()
        assert (broken / "set_aside/test/pairs.csv").read_text() == text

    def test_findings_that_fix_cannot_change_remain(self, broken, capsys):
        (broken / "train/nobody").mkdir()
        assert check(broken, fix=True, progress=False) == 1
        assert (broken / "train/nobody").is_dir() and not (broken / FRAMES[0]).exists()

    def test_counts_of_the_manifest_include_what_was_set_aside(self, broken, capsys):
        about = {
            "version": 1,
            "aligned": True,
            "train_images": 18,
            "train_characters": [f"character_{c}" for c in range(3)],
        }
        (broken / "manifest.json").write_text(json.dumps(about))
        assert check(broken, fix=True, progress=False) == 0
        (broken / "train/character_2/run/001.png").unlink()
        assert check(broken, progress=False) == 1
        assert "split lacks 1 frames" in capsys.readouterr().out

    def test_unfinished_preparation_is_refused(self, broken, bad_input):
        (broken / "manifest.json").rename(broken / ".prepare.json")
        before = contents(broken)
        assert "finish its preparation first" in bad_input("prepare.py", "check", broken, "--fix")
        assert contents(broken) == before

    @pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
    def test_read_only_dataset(self, broken, bad_input):
        broken.chmod(0o555)
        assert "set_aside" in bad_input("prepare.py", "check", broken, "--fix")
        broken.chmod(0o755)
        assert (broken / FRAMES[0]).exists()

    def test_read_only_folder_in_a_dataset(self, broken, bad_input):
        (broken / "set_aside").write_text("in the way")
        assert "can't be" in bad_input("prepare.py", "check", broken, "--fix")
        assert all((broken / name).exists() for name in FRAMES)
