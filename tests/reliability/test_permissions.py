"""Folders that can't be written to or read: by a read-only mount (for root too), and as another user.

A dataset that can only be read still trains; where a program must write it says in one line where it couldn't.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, TINY_ARGV
from tests.helpers.datasets import LONG_AGO, TOON, beside, make_dataset
from tests.helpers.small_disk import read_only
from tests.helpers.world import evaluate, render

READ_ONLY, FORBIDDEN = "Read-only file system", "Permission denied"
NOBODY = 65534
STRANGER = 54321  # who isn't in /etc/passwd, as in containers


OUT = {
    "toon": lambda world, out: ["prepare.py", "toon", out / "new", *TOON, "--workers", 1],
    "fashion": lambda world, out: ["prepare.py", "fashion", world / "videos", out / "new", "--workers", 1],
    "lpc": lambda world, out: ["prepare.py", "lpc", world / "sheets", out / "new", "--workers", 1],
    "sprites": lambda world, out: [
        *("prepare.py", "sprites", world / "sheets", ROOT / "configs" / "sprites" / "lpc.yaml", out / "new"),
        *("--workers", 1),
    ],
    "check --json": lambda world, out: [
        "prepare.py",
        "check",
        world / "dataset",
        "--json",
        out / "f",
        "--workers",
        1,
    ],
    "save_result": lambda world, out: render(world, out / "new"),
    "export": lambda world, out: ["save_result.py", world / "result", "--export", out / "g.safetensors"],
    "evaluate": lambda world, out: evaluate(world, out / "new"),
    "benchmark": lambda world, out: ["benchmark.py", "attention", "--out", out / "b.json"],
}


@pytest.fixture
def dataset(tmp_path) -> Path:
    make_dataset(tmp_path / "dataset")
    return tmp_path / "dataset"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody can go through (pytest's own are private)."""
    if os.geteuid() != 0:
        pytest.skip("only root can start programs as another user")
    if any(not parent.stat().st_mode & 0o001 for parent in (ROOT, *ROOT.parents)):
        pytest.skip("other users can't read this checkout")
    with tempfile.TemporaryDirectory(prefix="capture-public-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


class TestReadOnlyDataset:
    def test_a_read_only_dataset_is_prepared_elsewhere(self, programs, dataset, tmp_path):
        cache, before = tmp_path / "cache", files(dataset)
        with read_only(dataset):
            for _ in range(2):
                finished = programs.run(
                    "tests/helpers/prepare_frames.py", dataset, 32, environment={"XDG_CACHE_HOME": str(cache)}
                )
                assert finished.status == 0 and f"prepared {cache}/capture/dataset-" in finished.out, finished
            assert "preparing" not in finished.out  # the second time
        assert files(dataset) == before and len(list(cache.rglob("*.bin"))) == 2

    def test_prepared_frames_of_a_read_only_dataset_are_used(self, programs, dataset, tmp_path):
        programs.run("tests/helpers/prepare_frames.py", dataset, 32)
        there = beside(dataset)
        with read_only(dataset):
            finished = programs.run(
                "tests/helpers/prepare_frames.py", dataset, 32, environment={"XDG_CACHE_HOME": str(tmp_path / "cache")}
            )
            assert finished.out == f"prepared {dataset / '.capture' / 'frames_32' / 'frames.bin'}\n"
        assert beside(dataset) == there and not (tmp_path / "cache").exists()

    def test_a_read_only_dataset_with_nowhere_else_to_write(self, programs, dataset, tmp_path):
        with read_only(tmp_path):
            finished = programs.run(
                "tests/helpers/prepare_frames.py", dataset, 32, environment={"XDG_CACHE_HOME": str(tmp_path / "cache")}
            )
        assert finished.status == 0 and finished.out.splitlines()[-1] == "not prepared"
        assert f"note: no folder to keep prepared frames in (neither in {dataset} nor in ~/.cache)" in finished.out

    def test_training_on_a_read_only_dataset(self, programs, dataset, tmp_path):
        command = ["train.py", *TINY_ARGV, "--dataset_path", dataset, "--result_title", "r"]
        with read_only(dataset):
            finished = programs.run(*command, environment={"XDG_CACHE_HOME": "/dev/null/no"}, folder=str(tmp_path))
            assert finished.status == 0 and "no folder to keep prepared frames in" in finished.out + finished.err, (
                finished
            )
        assert (tmp_path / "result" / "r" / "CheckPoint" / "latest_checkpoint.pt").is_file()

    def test_fixing_a_read_only_dataset(self, programs, world, tmp_path):
        root = Path(shutil.copytree(world / "broken", tmp_path / "broken"))
        before = files(root)
        with read_only(root):
            line = programs.run("prepare.py", "check", root, "--fix", "--workers", 1).error()
            assert READ_ONLY in line and f"{root}/set_aside" in line
        assert files(root) == before


class TestReadOnlyOutput:
    @pytest.mark.parametrize("name", OUT)
    def test_a_folder_that_cannot_be_written_is_one_line(self, programs, world, tmp_path, name):
        out = tmp_path / "out"
        out.mkdir()
        with read_only(out):
            line = programs.run(*OUT[name](world, out)).error()
        assert READ_ONLY in line and str(out) in line and "choose another folder" in line
        assert not list(out.iterdir())


class TestOtherUsers:
    @pytest.mark.parametrize("user", [NOBODY, STRANGER])
    def test_another_users_dataset(self, programs, public, user):
        make_dataset(public / "dataset")
        finished = programs.run(
            "tests/helpers/prepare_frames.py", public / "dataset", 32, user=user, environment={"HOME": None}
        )
        assert finished.status == 0 and "no folder to keep prepared frames in" in finished.out, finished
        (public / "dataset").chmod(0o777)
        finished = programs.run(
            "tests/helpers/prepare_frames.py", public / "dataset", 32, user=user, environment={"HOME": None}
        )
        assert f"prepared {public / 'dataset' / '.capture'}" in finished.out
        assert programs.run("tests/helpers/prepare_frames.py", public / "dataset", 32, user=NOBODY).status == 0

    def test_an_outdated_cache_of_another_user_is_left_alone(self, programs, public):
        """Made by root, then the dataset changed: it is neither used nor touched, and training goes on."""
        root = public / "dataset"
        make_dataset(root)
        programs.run("tests/helpers/prepare_frames.py", root, 32)
        there = beside(root)
        (root / "train" / "character_0" / "run" / "1.png").unlink()
        os.utime(root / "train" / "character_0" / "run", (LONG_AGO + 9, LONG_AGO + 9))
        environment = {"XDG_CACHE_HOME": str(public / "none")}
        finished = programs.run("tests/helpers/prepare_frames.py", root, 32, user=NOBODY, environment=environment)
        assert finished.status == 0 and "no folder to keep prepared frames in" in finished.out
        assert beside(root) == there

    @pytest.mark.parametrize("name", ["train", "train/character_1/run", "train/character_1/run/2.png", "manifest.json"])
    def test_a_file_that_may_not_be_read_is_named(self, programs, public, name):
        root = public / "dataset"
        make_dataset(root)
        (root / "manifest.json").write_text('{"version": 1}')
        root.chmod(0o777)
        (root / name).chmod(0)
        line = programs.run("tests/helpers/prepare_frames.py", root, 32, user=NOBODY).error()
        assert str(root / name) in line and FORBIDDEN in line
        (root / name).chmod(0o755)
        assert "prepared" in programs.run("tests/helpers/prepare_frames.py", root, 32, user=NOBODY).out

    def test_a_folder_that_may_not_be_looked_into(self, programs, public):
        make_dataset(public / "private" / "dataset")
        (public / "private").chmod(0o700)
        for command in (["tests/helpers/prepare_frames.py", public / "private" / "dataset", 32],
                        ["prepare.py", "check", public / "private" / "dataset"],
                        ["prepare.py", "toon", public / "private" / "new", *TOON]):  # fmt: skip
            line = programs.run(*command, user=NOBODY).error()
            assert FORBIDDEN in line and str(public / "private") in line

    def test_a_check_moves_nothing_that_may_be_good(self, programs, world, public):
        """A file that this user may not read isn't broken."""
        root = Path(shutil.copytree(world / "broken", public / "dataset"))
        for path in [root, *root.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        names = ("train/character_0/run/1.png", "train/character_0/dance.mp4")
        for name in names:
            (root / name).chmod(0)
        finished = programs.run("prepare.py", "check", root, "--fix", "--workers", 1, user=NOBODY)
        assert finished.status == 1 and finished.out.count(f"can't be read ({FORBIDDEN})") >= 2
        assert all((root / name).exists() for name in names)
        assert (root / "set_aside/train/character_1/run/1.png").exists()

    def test_writing_as_another_user(self, programs, public):
        (public / "mine").mkdir()
        command = ["prepare.py", "toon", public / "mine" / "set", *TOON, "--workers", 1]
        line = programs.run(*command, user=NOBODY).error()
        assert FORBIDDEN in line and str(public / "mine" / "set") in line
        assert (
            programs.run(*command).status == 0
        )  # root prepares it, nobody else can go on with it or fix it, only read it
        (public / "mine" / "set" / "manifest.json").rename(public / "mine" / "set" / ".prepare.json")
        next((public / "mine" / "set" / "train").rglob("*.png")).unlink()
        assert FORBIDDEN in programs.run(*command, user=NOBODY).error()
        assert programs.run(*command).status == 0
