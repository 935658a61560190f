"""A small dataset that can be changed, and digests of what lies in it and beside it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from capture.data.cache_file import WHAT as FRAMES
from capture.data.index.index import WHAT as INDEX
from capture.io.array_file import open_arrays
from tests.conftest import draw_figure
from tests.helpers.make_videos import make_video

# options of prepare.py toon for a small dataset
TOON = ("--characters", 2, "--clips", 2, "--frames", 3, "--size", 32, "--test_characters", 2, "--test_clips", 0)
LONG_AGO = 1_600_000_000  # so that an index of such folders may be saved


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder -> digest."""
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def beside(dataset: Path) -> dict[str, str]:
    """The files beside a dataset -> digest of what the arrays in them hold."""
    found = {}
    for path in sorted((dataset / ".capture").rglob("*")):
        if path.is_dir():
            continue
        digest = hashlib.sha256()
        if path.suffix == ".bin":
            about, arrays = open_arrays(path, INDEX if path.name == "index.bin" else FRAMES)
            digest.update(repr(about).encode())
            for name in sorted(arrays):
                digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
                digest.update(np.ascontiguousarray(arrays[name]).tobytes())
        found[str(path.relative_to(dataset))] = digest.hexdigest()
    return found


def make_dataset(root: Path, characters: int = 3) -> None:
    """A Mixamo tree of long ago: pictures, and a video that makes it worth an index."""
    for c in range(characters):
        for clip in ("run", "jump"):
            for i in range(4):
                draw_figure(root / "train" / f"character_{c}" / clip / f"{i}.png", c, i, size=40)
    make_video(root / "train" / "character_0" / "dance.mp4", 10)
    settle(root)


def settle(root: Path) -> None:
    """Date everything back."""
    for path in [root, *root.rglob("*")]:
        if ".capture" not in path.parts:
            os.utime(path, (LONG_AGO, LONG_AGO))


def change_dataset(root: Path) -> None:
    """Another picture, one less, and a character more."""
    draw_figure(root / "train" / "character_1" / "run" / "2.png", 5, 5, size=44)
    (root / "train" / "character_2" / "jump" / "3.png").unlink()
    for i in range(3):
        draw_figure(root / "train" / "character_9" / "run" / f"{i}.png", 9, i)
    settle(root)
    os.utime(root / "train", (LONG_AGO + 5, LONG_AGO + 5))
