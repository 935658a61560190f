"""A disk of a few megabytes that tests can fill up, and a folder that nothing can be written to."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """A file system of its own, in memory, mounted at `path`."""

    def __init__(self, path: Path):
        self.path = path
        self._ballast = path / ".ballast"

    @property
    def used(self) -> int:
        """Bytes."""
        now = os.statvfs(self.path)
        return (now.f_blocks - now.f_bfree) * now.f_frsize

    def fill(self, leave: int) -> None:
        """Take all space but `leave` bytes."""
        now = os.statvfs(self.path)
        with open(self._ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(now.f_bavail * now.f_frsize - leave, 1))

    def make_room(self) -> None:
        """Give it back."""
        self._ballast.unlink()


@contextlib.contextmanager
def mounted(path: Path, megabytes: float) -> Iterator[SmallDisk]:
    """Mount a file system in memory at `path`; skips the test where that isn't allowed."""
    path.mkdir(parents=True, exist_ok=True)
    size = f"size={int(megabytes * 1024)}k,mode=755"
    _mount("-t", "tmpfs", "-o", size, "tmpfs", path)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[Path]:
    """Make a folder, and all below it, one that nobody can write to; skips the test where that isn't allowed."""
    _mount("--bind", path, path)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def _mount(*words: object) -> None:
    try:
        done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no mount here ({error.strerror})")
    if done.returncode:
        pytest.skip(f"mounting isn't allowed here ({done.stderr.strip()})")
