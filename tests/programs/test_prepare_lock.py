"""prepare.py locks the folder that it writes to."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from capture.cli.prepare import written_folder
from capture.cli.prepare_options import build_parser
from capture.common.folder_lock import LOCK, folder_lock

TOON = (
    "--characters",
    "2",
    "--clips",
    "2",
    "--frames",
    "2",
    "--size",
    "32",
    "--test_characters",
    "2",
    "--workers",
    "1",
)


def parsed(*argv: str | Path) -> argparse.Namespace:
    return build_parser("").parse_args([str(word) for word in argv])


class TestLock:
    def test_a_folder_that_another_program_writes_to_is_refused_and_left_as_it_was(self, tmp_path, bad_input):
        out = tmp_path / "toon"
        with folder_lock(out, "wait"):
            message = bad_input("prepare.py", "toon", str(out), *TOON)
            assert f"{out}: another program is at work here (process {os.getpid()} on " in message
            assert "choose another folder" in message
            assert [path.name for path in out.iterdir()] == [LOCK]

    def test_the_lock_is_gone_afterwards_and_a_second_run_finds_the_dataset_complete(self, tmp_path, run_main):
        for _ in range(2):
            status, text, _ = run_main("prepare.py", "toon", str(tmp_path / "toon"), *TOON, "--test_clips", "1")
            assert status == 0 and "2 characters to train on" in text
            assert not (tmp_path / "toon" / LOCK).exists()

    def test_a_command_that_is_refused_leaves_no_folder(self, tmp_path, bad_input):
        bad_input("prepare.py", "toon", str(tmp_path / "toon"), "--size", "3")
        assert not (tmp_path / "toon").exists()


class TestWrittenFolder:
    def test_of_each_kind_of_command(self, tmp_path):
        out = tmp_path / "out"
        for argv in (("toon", out), ("lpc", "sheets", out), ("merge", out), ("pack", "data", out), ("benchmark", out)):
            assert written_folder(parsed(*argv)) == out

    def test_commands_that_write_no_folder(self, tmp_path):
        assert written_folder(parsed("check", tmp_path, "--fix")) is None
        assert written_folder(parsed("benchmark", tmp_path, "--digest", "pairs.csv")) is None
        assert written_folder(parsed("uv", "map.png", tmp_path / "map.npy")) is None

    def test_shards_have_a_lock_each(self, tmp_path):
        from capture.data.plan_shards import Shard

        folders = []
        for share in ("1/2", "2/2"):
            args = parsed("toon", tmp_path / "toon", "--shard", share)
            args.shard = Shard.parse(args.shard)
            folders.append(written_folder(args))
        assert folders[0] != folders[1] and all(folder.parent == tmp_path for folder in folders)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_something_else_is_still_named(tmp_path, bad_input, kind):
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    assert "holds something else already" in bad_input("prepare.py", "toon", str(out), *TOON)
