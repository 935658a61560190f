"""Every program that writes, on a disk that is full half way, and where files may not be larger than so many bytes.

Real processes on a real small file system (where mounting is allowed), and under RLIMIT_FSIZE (anywhere). Always: one
line that says what and where, exit status 2, nothing half-written, what was there before still whole; and the same
command ends well once there is room.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.helpers.datasets import TOON, beside, change_dataset, make_dataset
from tests.helpers.programs import Programs
from tests.helpers.small_disk import SmallDisk, mounted
from tests.helpers.world import evaluate, render

NO_SPACE, TOO_LARGE = "No space left on device", "File too large"


@dataclass(frozen=True)
class Case:
    """A command that writes. begin: puts there what it changes.  older: an earlier command whose output is there."""

    command: Callable[[Path, Path], list]  # (world, where to write)
    begin: Callable[[Path, Path], None] = lambda world, out: None
    older: Callable[[Path, Path], list] | None = None
    ends: tuple[int, ...] = (0,)  # its exit status when all is well


CASES = {
    "toon": Case(lambda world, out: ["prepare.py", "toon", out, *TOON, "--uv", "--workers", 1]),
    "lpc": Case(lambda world, out: ["prepare.py", "lpc", world / "sheets", out, "--size", 64, "--workers", 1]),
    "sprites": Case(
        lambda world, out: ["prepare.py", "sprites", world / "sheets", ROOT / "configs" / "sprites" / "lpc.yaml", out,
                            "--size", 128, "--workers", 1],
    ),
    "fashion": Case(
        lambda world, out: ["prepare.py", "fashion", world / "videos", out, "--size", 128, "--workers", 1],
    ),
    "mixamo": Case(
        lambda world, out: ["prepare.py", "mixamo", world / "models", out, "--size", 64, "--frames", 2, "--pairs", 4,
                            "--test_characters", 2, "--test_clips", 1, "--workers", 1,
                            "--blender", world / "blender"],
    ),
    "check --fix": Case(
        lambda world, out: ["prepare.py", "check", out, "--fix", "--workers", 1],
        begin=lambda world, out: shutil.copytree(world / "broken", out),
        ends=(0, 1),
    ),
    "check --json": Case(
        lambda world, out: ["prepare.py", "check", world / "dataset", "--json", out / "f.json", "--workers", 1],
        older=lambda world, out: ["prepare.py", "check", world / "broken", "--json", out / "f.json", "--workers", 1],
        ends=(0, 1),
    ),
    "save_result": Case(render, older=lambda world, out: render(world, out, "--noise_scale", 1)),
    "export": Case(
        lambda world, out: ["save_result.py", world / "result", "--export", out / "g.safetensors"],
        older=lambda world, out: ["save_result.py", world / "result", "--export", out / "g.safetensors", "--half"],
    ),
    "evaluate": Case(evaluate, older=lambda world, out: evaluate(world, out, "--limit", 2)),
}  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    """Every file -> digest; of a folder that isn't there, none."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def prepared(programs: Programs, case: Case, world: Path, out: Path, kept: Path) -> dict[str, str]:
    """Bring `out` to where the command starts from; what is there then.

    What the older command wrote is kept for the next time in another folder, `kept`.
    """
    shutil.rmtree(out, ignore_errors=True)
    case.begin(world, out)
    if case.older:
        if not kept.exists():
            assert programs.run(*case.older(world, out)).status in case.ends
            shutil.copytree(out, kept)
        shutil.copytree(kept, out, dirs_exist_ok=True)
    return contents(out)


def check_what_is_left(out: Path, before: dict[str, str], wanted: dict[str, str]) -> None:
    """Each file is the older one or the new one, none is half of one, and none of the older ones is lost."""
    left = contents(out)
    assert not [name for name in left if "partial" in name or ".decoding" in name]
    for name, digest in left.items():
        started = name == ".prepare.json" or name.startswith(".mixamo/")  # gone when the command has ended well
        assert started or digest in (before.get(name), wanted.get(name)), name
    assert not [name for name, digest in before.items() if name not in left and digest not in left.values()]  # moved


@pytest.fixture
def dataset(tmp_path) -> Iterator[tuple[SmallDisk, Path]]:
    with mounted(tmp_path / "disk", 4) as disk:
        make_dataset(disk.path / "dataset")
        yield disk, disk.path / "dataset"


class TestFullDisk:
    @pytest.mark.parametrize("name", CASES)
    def test_every_program_on_a_full_disk(self, programs, world, tmp_path, name):
        case = CASES[name]
        with mounted(tmp_path / "disk", 16) as disk:
            out = disk.path / "out"
            before = prepared(programs, case, world, out, tmp_path / "kept")
            used = disk.used
            assert programs.run(*case.command(world, out)).status in case.ends
            wanted, needed = contents(out), disk.used - used
            for part in (0.0, 0.6):
                before = prepared(programs, case, world, out, tmp_path / "kept")
                disk.fill(leave=int(needed * part))
                line = programs.run(*case.command(world, out)).error()
                assert NO_SPACE in line or "no space left for what Blender" in line, line
                assert str(disk.path) in line and ("free space" in line or "make the dataset" in line), line
                check_what_is_left(out, before, wanted)
                disk.make_room()
            again = programs.run(*case.command(world, out))
            assert again.status in case.ends and contents(out) == wanted, again.err

    @pytest.mark.parametrize("name", CASES)
    def test_every_program_where_files_may_not_be_so_large(self, programs, world, tmp_path, name):
        case, out = CASES[name], tmp_path / "out"
        before = prepared(programs, case, world, out, tmp_path / "kept")
        assert programs.run(*case.command(world, out)).status in case.ends
        wanted = contents(out)
        largest = max((out / path).stat().st_size for path, digest in wanted.items() if before.get(path) != digest)
        before = prepared(programs, case, world, out, tmp_path / "kept")
        line = programs.run(*case.command(world, out), file_limit=largest - 1).error()
        assert TOO_LARGE in line or (name == "mixamo" and "Blender wrote no whole picture" in line), line
        check_what_is_left(out, before, wanted)
        assert programs.run(*case.command(world, out)).status in case.ends and contents(out) == wanted

    def test_standard_output_on_a_full_disk(self, programs, world):
        finished = programs.run("prepare.py", "check", world / "dataset", "--workers", 1, stdout="/dev/full")
        assert finished.error() == f"error: standard output: {NO_SPACE}; free space, or choose another place"

    @pytest.mark.parametrize("option", ["--out", "--plot"])
    def test_benchmark_checks_first_that_it_can_write(self, programs, tmp_path, option):
        command = ["benchmark.py", "attention", "--out", tmp_path / "out.json", option, tmp_path / "there"]
        assert f"{TOO_LARGE})" in programs.run(*command, file_limit=1000).error()
        assert not [path for path in tmp_path.iterdir() if path.name != "out.json"]


class TestFilesBesideADataset:
    def test_prepared_frames_on_a_full_disk(self, programs, dataset, tmp_path):
        """Memory that is mapped from a full disk would end the process by SIGBUS without a word."""
        disk, root = dataset
        command, index = ["tests/helpers/prepare_frames.py", root, 128], 60_000
        disk.fill(leave=index + 500_000)  # of 1.7 MB
        finished = programs.run(*command)
        assert finished.status == 0 and "not prepared" in finished.out
        assert f"frames can't be prepared there ({NO_SPACE}), which takes 0.00 GB" in finished.out
        assert sorted(path.name for path in (root / ".capture").rglob("*.*")) == ["index.bin"]
        disk.make_room()
        finished = programs.run(*command)
        assert "prepared " in finished.out and "not prepared" not in finished.out
        whole = beside(root)

        change_dataset(root)  # the old frames stay until the new ones are there
        disk.fill(leave=index + 500_000)
        finished = programs.run(*command)
        assert finished.status == 0 and f"({NO_SPACE})" in finished.out and "not prepared" in finished.out
        name = ".capture/frames_128/frames.bin"
        assert beside(root)[name] == whole[name]
        disk.make_room()
        finished = programs.run(*command)
        assert "preparing 4 of 36 frames" in finished.out, finished
        shutil.copytree(root, tmp_path / "copy")
        assert programs.run(*command).status == 0 and beside(root)[name] != whole[name]
        assert not list(root.rglob("*.partial")) and not list(root.rglob("frames.old"))

    def test_index_on_a_full_disk(self, programs, dataset):
        disk, root = dataset
        command = ["tests/helpers/prepare_frames.py", root, 8]
        disk.fill(leave=8192)
        finished = programs.run(*command)
        assert finished.status == 0 and f"no room for an index in {root / '.capture'}" in finished.out
        assert NO_SPACE in finished.out and not list(root.rglob("*.partial"))
        disk.make_room()
        assert programs.run(*command).status == 0 and (root / ".capture" / "index.bin").is_file()

    def test_index_and_frames_that_may_not_be_so_large(self, programs, tmp_path):
        make_dataset(tmp_path / "dataset")
        command = ["tests/helpers/prepare_frames.py", tmp_path / "dataset", 128]
        finished = programs.run(*command, file_limit=20_000)
        assert finished.status == 0 and finished.out.count(TOO_LARGE) == 2 and "not prepared" in finished.out
        assert [path.name for path in (tmp_path / "dataset/.capture").rglob("*") if path.is_file()] == ["lock"]
        assert "not prepared" not in programs.run(*command).out
