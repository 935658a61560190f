"""Sprite sheets: all frames in the grid of one PNG, and a JSON file that says where each of them is.

The JSON is what Aseprite ("Export Sprite Sheet" with JSON data) and TexturePacker ("JSON (Array)" and "JSON (Hash)")
write, so that game engines read it with the importers that they have for those programs:

    array   frames is a list. Each has its number as its filename, by which Phaser's createFromAseprite finds it.
    hash    frames is a dictionary by names such as walk_left_03.png, and `animations` lists the names of each tag, as
            PixiJS reads them.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture.common.errors import CaptureError
from capture.common.files import atomic_file
from capture.inference.formats.base import Tag, Timeline, Write
from capture.inference.formats.png_chunks import END, Rows, header

LARGEST = 16_384  # pixels of a side: what graphics cards hold as one texture
CHANNELS = 4  # sheets are transparent between their frames
ARRAY, HASH = "array", "hash"
KINDS = (ARRAY, HASH)


@dataclass(frozen=True)
class SheetOptions:
    """How a sheet is laid out.

    Attributes:
        padding: pixels between frames and around all of them.
        power_of_two: whether both sides are rounded up to powers of two.
        json: one of KINDS.
    """

    padding: int = 0
    power_of_two: bool = False
    json: str = ARRAY


@dataclass(frozen=True)
class Grid:
    """Where frames stand: `columns` a row, each of them `width` x `height`, on a sheet of `size`."""

    columns: int
    width: int
    height: int
    size: tuple[int, int]
    padding: int

    def corner(self, i: int) -> tuple[int, int]:
        """Column and row of the upper left pixel of frame i."""
        row, column = divmod(i, self.columns)
        return self.padding + column * (self.width + self.padding), self.padding + row * (self.height + self.padding)


def choose_grid(count: int, width: int, height: int, tags: tuple[Tag, ...], options: SheetOptions) -> Grid:
    """One row for each tag where all tags are equally long, else the sheet whose longer side is shortest."""
    lengths = {tag.last - tag.first + 1 for tag in tags}
    rows = len(tags) > 1 and len(lengths) == 1 and max(lengths) * len(tags) == count
    grids = [_grid(columns, count, width, height, options) for columns in (lengths if rows else range(1, count + 1))]
    return min(grids, key=lambda grid: (max(grid.size), min(grid.size), -grid.columns))


def _grid(columns: int, count: int, width: int, height: int, options: SheetOptions) -> Grid:
    rows, gap = math.ceil(count / columns), options.padding
    sides = [gap + columns * (width + gap), gap + rows * (height + gap)]
    if options.power_of_two:
        sides = [1 << (side - 1).bit_length() for side in sides]
    return Grid(columns, width, height, (sides[0], sides[1]), gap)


@contextlib.contextmanager
def sheet_file(path: Path, timeline: Timeline, options: SheetOptions | None = None) -> Iterator[Write]:
    """A sprite sheet `path` (.png) and its .json beside it, there when they are whole; a row of frames is in memory.

    Raises:
        CaptureError: a sheet larger than graphics cards can hold.
    """
    options, tags = options or SheetOptions(), tuple(timeline.tags)
    grid: Grid | None = None
    rows: Rows | None = None
    waiting: list[np.ndarray] = []
    data = path.with_suffix(".json")
    with atomic_file(path) as file, atomic_file(data) as described:

        def write(picture: np.ndarray) -> None:
            nonlocal grid, rows
            height, width = picture.shape[:2]
            if grid is None:
                grid = choose_grid(len(timeline), width, height, tags, options)
                if max(grid.size) > LARGEST:
                    raise CaptureError(
                        f"{path}: a sheet of {grid.size[0]}x{grid.size[1]} pixels, and graphics cards hold "
                        f"{LARGEST}; make fewer or smaller frames, or use --format frames"
                    )
                rows = Rows(grid.size[0], CHANNELS)
                file.write(header(*grid.size, CHANNELS) + rows.add(_clear(grid.padding, grid.size[0])))
            waiting.append(picture)
            if len(waiting) == grid.columns:
                flush()

        def flush() -> None:
            assert grid is not None and rows is not None
            band = _clear(grid.height + grid.padding, grid.size[0])
            for i, picture in enumerate(waiting):
                left = grid.corner(i)[0]
                cell = band[: grid.height, left : left + grid.width]
                cell[..., 3] = 255
                cell[..., : picture.shape[2]] = picture
            waiting.clear()
            file.write(rows.add(band))

        yield write
        if waiting:
            flush()
        if grid is not None and rows is not None:
            used = grid.corner(len(timeline) - 1)[1] + grid.height + grid.padding
            if used < grid.size[1]:
                file.write(rows.add(_clear(grid.size[1] - used, grid.size[0])))
            file.write(rows.finish() + END)
            text = json.dumps(describe(path.name, timeline, grid, options), indent=1)
            described.write(text.encode() + b"\n")


def _clear(height: int, width: int) -> np.ndarray:
    """Transparent rows."""
    return np.zeros((height, width, CHANNELS), np.uint8)


def describe(image: str, timeline: Timeline, grid: Grid, options: SheetOptions) -> dict[str, Any]:
    """The JSON of a sheet, as Aseprite and TexturePacker write it."""
    width, height = grid.width, grid.height
    whole = {"x": 0, "y": 0, "w": width, "h": height}
    rows = []
    for i, duration in enumerate(timeline.durations(1000)):
        x, y = grid.corner(i)
        rows.append(
            {
                "frame": {"x": x, "y": y, "w": width, "h": height},
                "rotated": False,
                "trimmed": False,
                "spriteSourceSize": whole,
                "sourceSize": {"w": width, "h": height},
                "duration": duration,
            }
        )
    names = frame_names(timeline)
    by_name = options.json == HASH
    frames = dict(zip(names, rows)) if by_name else [{"filename": str(i), **row} for i, row in enumerate(rows)]
    animations = {tag.name: names[tag.first : tag.last + 1] for tag in timeline.tags}
    return {
        "frames": frames,
        **({"animations": animations} if by_name and animations else {}),
        "meta": {
            "app": "CaPTURe",
            "version": "1.0",
            "image": image,
            "format": "RGBA8888",
            "size": {"w": grid.size[0], "h": grid.size[1]},
            "scale": "1",
            "frameTags": [
                {"name": tag.name, "from": tag.first, "to": tag.last, "direction": "forward", "color": "#000000ff"}
                for tag in timeline.tags
            ],
            "layers": [],
            "slices": [],
        },
    }


def frame_names(timeline: Timeline) -> list[str]:
    """A file's name for each frame: its tag and its number in it."""
    names = [f"frame_{i:03d}.png" for i in range(len(timeline))]
    for tag in timeline.tags:
        for i in range(tag.first, tag.last + 1):
            names[i] = f"{tag.name}_{i - tag.first:02d}.png"
    return names
