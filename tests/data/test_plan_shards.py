"""Shards of one preparation: together they have the bytes of one run, and what doesn't belong together is refused."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from capture.common.errors import CaptureError
from capture.data.plan_shards import Shard, merge_shards
from capture.data.sprites.prepare import prepare_sprites
from capture.data.toon.write import write_toon
from tests.helpers.sprite_sheets import write_sheets

TINY = {"characters": 2, "clips": 1, "frames": 2, "size": 16, "seed": 5, "test_characters": 2, "test_clips": 0}


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """(a toon dataset of one run, the place beside which three shards of it lie)."""
    root = tmp_path_factory.mktemp("shards")
    write_toon(root / "one", **TINY, workers=1, progress=False)
    for number in (1, 2, 3):
        write_toon(root / "set", **TINY, workers=1, progress=False, shard=Shard(number, 3))
    return root / "one", root / "set"


class TestShard:
    def test_a_shard_is_parsed_from_the_command_line(self):
        assert Shard.parse("3/16") == Shard(3, 16) and Shard.parse(None) is None
        for text in ("0/4", "5/4", "3", "a/b", "1/0", "-1/2"):
            with pytest.raises(CaptureError, match="such as 3/16"):
                Shard.parse(text)

    def test_shards_share_all_jobs(self):
        jobs = list(range(11))
        shares = [Shard(k, 4).of(jobs) for k in (1, 2, 3, 4)]
        assert sorted(job for share in shares for job in share) == jobs
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


class TestMerge:
    def test_merged_shards_have_the_bytes_of_one_run(self, shards, tmp_path):
        one, out = shards
        merged = tmp_path / "merged"
        folders = [Shard(k, 3).folder(out) for k in (3, 1, 2)]
        assert all(0 < len(digest(folder)) < len(digest(one)) for folder in folders)
        merge_shards(merged, folders)
        assert digest(merged) == digest(one)
        (merged / "manifest.json").rename(merged / ".prepare.json")  # as if the merge had been killed
        next(merged.rglob("*.png")).unlink()
        merge_shards(merged, folders)
        assert digest(merged) == digest(one)

    def test_shards_beside_the_dataset_are_found(self, shards):
        one, out = shards
        merge_shards(out)
        assert digest(out) == digest(one)

    def test_a_missing_or_unfinished_or_foreign_shard_is_named(self, shards, tmp_path):
        _, out = shards
        first, second, third = (Shard(k, 3).folder(out) for k in (1, 2, 3))
        with pytest.raises(CaptureError, match="shard 2 of 3 is missing"):
            merge_shards(tmp_path / "a", [first, third])
        copy = shutil.copytree(second, tmp_path / "copy")
        (copy / "shard.json").unlink()
        with pytest.raises(CaptureError, match="unfinished shard; run its command again"):
            merge_shards(tmp_path / "a", [first, copy, third])
        (copy / "shard.json").write_text('{"shard": [2')
        with pytest.raises(CaptureError, match="damaged"):
            merge_shards(tmp_path / "a", [first, copy, third])
        other = tmp_path / "other"
        write_toon(other, **{**TINY, "seed": 6}, workers=1, progress=False, shard=Shard(2, 3))
        with pytest.raises(CaptureError, match="another plan"):
            merge_shards(tmp_path / "a", [first, Shard(2, 3).folder(other), third])
        with pytest.raises(CaptureError, match="no shards beside it"):
            merge_shards(tmp_path / "b")
        assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()

    def test_a_shard_that_was_copied_in_part_is_named(self, shards, tmp_path):
        _, out = shards
        folders = [Path(shutil.copytree(Shard(k, 3).folder(out), tmp_path / str(k))) for k in (1, 2, 3)]
        next(folders[1].rglob("*.png")).unlink()
        with pytest.raises(CaptureError, match="2: .* files of .* bytes, and the shard had .*; copy it again"):
            merge_shards(tmp_path / "merged", folders)
        assert not (tmp_path / "merged").exists()

    def test_hidden_files_of_a_shard_stay_where_they_are(self, shards, tmp_path):
        one, out = shards
        folders = [Path(shutil.copytree(Shard(k, 3).folder(out), tmp_path / str(k))) for k in (1, 2, 3)]
        (folders[0] / ".DS_Store").write_bytes(b"x")
        (folders[2] / ".mixamo").mkdir()
        (folders[2] / ".mixamo" / "x.json").write_bytes(b"x")
        merge_shards(tmp_path / "merged", folders)
        assert digest(tmp_path / "merged") == digest(one)

    @pytest.mark.parametrize("out", [".", "/"])
    def test_a_folder_without_a_name_has_no_shards(self, out):
        with pytest.raises(CaptureError, match="has no name to add to"):
            Shard(1, 2).folder(Path(out))

    def test_a_finished_shard_is_left_as_it_is(self, shards):
        one, out = shards
        folder = Shard(1, 3).folder(out)
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        write_toon(out, **TINY, workers=1, progress=False, shard=Shard(1, 3))
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


class TestSprites:
    def test_shards_of_sprites_have_the_bytes_of_one_run(self, tmp_path, run_main):
        layout = write_sheets(tmp_path / "sheets")
        options = ("--size", "32", "--pairs", "20", "--seed", "3", "--workers", "1")
        prepare_sprites(tmp_path / "sheets", layout, tmp_path / "one", size=32, pairs=20, seed=3, workers=1)
        for shard in ("1/2", "2/2"):
            argv = ("sprites", tmp_path / "sheets", layout, tmp_path / "set", *options, "--shard", shard)
            assert run_main("prepare.py", *argv)[0] == 0
        assert run_main("prepare.py", "merge", tmp_path / "set")[0] == 0
        assert digest(tmp_path / "set") == digest(tmp_path / "one")
