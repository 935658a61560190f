"""Too little memory: one line, and no file is taken for broken."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.datasets import files

MEGABYTES = 1 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A good picture of 49 megapixels."""
    path = tmp_path_factory.mktemp("large") / "large.png"
    Image.new("L", (7000, 7000), 9).save(path, compress_level=1)
    return path


class TestTooLittleMemory:
    def test_rendering_names_the_picture(self, programs, world, large, tmp_path):
        command = [
            "save_result.py",
            world / "result",
            "--iden_path",
            large,
            "--pose_path",
            large,
            "--save_dir",
            tmp_path,
        ]
        line = programs.run(*command, memory=120 * MEGABYTES).error()
        assert line == f"error: {large}: no memory to decode it in; close other programs"
        assert not list(tmp_path.iterdir())

    def test_preparing_frames_goes_on_later(self, programs, world, large, tmp_path):
        root = Path(shutil.copytree(world / "dataset", tmp_path / "dataset"))
        os.link(large, root / "train" / "character_0" / "run" / "9.png")
        line = programs.run("tests/helpers/prepare_frames.py", root, 32, memory=120 * MEGABYTES).error()
        assert "1 of 35 frames can't be read" in line and "9.png: no memory to decode it in" in line
        assert "preparing 1 of 35" in programs.run("tests/helpers/prepare_frames.py", root, 32).out

    def test_a_check_moves_no_file_that_may_be_good(self, programs, world, large, tmp_path):
        root = Path(shutil.copytree(world / "broken", tmp_path / "dataset"))
        os.link(large, root / "train" / "character_0" / "run" / "9.png")
        before = files(root)
        finished = programs.run("prepare.py", "check", root, "--fix", "--workers", 1, memory=120 * MEGABYTES)
        assert finished.status == 1 and "no memory to decode it in" in finished.out
        there = files(root)
        assert there["train/character_0/run/9.png"] == before["train/character_0/run/9.png"]
        assert "set_aside/train/character_1/run/1.png" in there  # which is broken
