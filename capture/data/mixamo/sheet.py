"""A contact sheet of a prepared dataset: `python -m capture.data.mixamo.sheet DATASET PICTURE.png`.

Each row is a character. Each column is the same clip, view and frame of every character, and so the same pose.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from capture.common.errors import CaptureError, command_line
from capture.data.index.catalog import read_manifest
from capture.data.mixamo.plan import view_name
from capture.data.writing import write_png
from capture.io.images import open_rgb

_Item = TypeVar("_Item")


def contact_sheet(dataset: Path, rows: int = 7, columns: int = 12, size: int = 96) -> np.ndarray:
    """uint8 (rows * size, columns * size, 3): characters and clips spread evenly over all of them.

    Raises:
        CaptureError: `dataset` wasn't made by prepare_mixamo.
    """
    manifest = read_manifest(dataset)
    if manifest.get("kind") != "mixamo":
        raise CaptureError(f"{dataset}: not a folder that `prepare.py mixamo` made")
    views, frames = manifest["azimuths"], manifest["frames"]
    lines = []
    for character in _spread(manifest["train_characters"], rows):
        line = []
        for k, clip in enumerate(_spread(manifest["train_clips"], columns)):
            clip, frame = f"{clip}_{view_name(views[k % len(views)])}", (3 * k + frames // 2) % frames
            picture = dataset / "train" / character / clip / "imgs" / f"{frame:03d}.png"
            blank = np.full((size, size, 3), manifest["background"], np.uint8)  # for a character with another skeleton
            line.append(np.asarray(open_rgb(picture).resize((size, size))) if picture.is_file() else blank)
        lines.append(np.concatenate(line, axis=1))
    return np.concatenate(lines)


def _spread(items: Sequence[_Item], count: int) -> list[_Item]:
    return [items[i] for i in np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)]


def main() -> None:
    if len(sys.argv) < 3:
        raise CaptureError("give a dataset and a picture: python -m capture.data.mixamo.sheet DATASET PICTURE.png")
    write_png(Path(sys.argv[2]), contact_sheet(Path(sys.argv[1])))


if __name__ == "__main__":
    command_line(main)()
