"""Poses that are a list of frames and no video's file: cells of a sprite sheet, a drawn motion."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.formats.base import Tag
from capture.io.images import open_upright

SHEET_RATE = 12  # frames a second of a sprite sheet and of a drawn motion: what games and cartoons have


@dataclass(frozen=True)
class PoseFrames:
    """Frames that drive a character, in order.

    Attributes:
        path: what they are called in messages and in names of folders.
        count, read: how many there are, and frame i, RGB or RGBA.
        fps: frames a second.
        tags: named runs of frames.
        starts: frames at which another sequence begins that does not go on from the one before, such as the next
            direction of a walk.
        shown: when each is shown and when the last one goes, in seconds; nothing where `fps` says.
        drawn: whether they were drawn as the weights know pictures, so that they need no framing.
    """

    path: Path
    count: int
    read: Callable[[int], Image.Image]
    fps: float = SHEET_RATE
    tags: tuple[Tag, ...] = ()
    starts: tuple[int, ...] = ()
    shown: tuple[Fraction, ...] = ()
    drawn: bool = False

    @property
    def times(self) -> list[Fraction]:
        """When each frame is shown and when the last one goes, in seconds: count + 1 values."""
        if self.shown:
            return [*self.shown]
        rate = Fraction(self.fps).limit_denominator(1001)
        return [i / rate for i in range(self.count + 1)]


def sheet_frames(path: Path, grid: str, chosen: str | None = None, fps: float = SHEET_RATE) -> PoseFrames:
    """Cells of a sprite sheet, numbered from 0, row by row.

    Args:
        grid: columns x rows, such as 9x4.
        chosen: numbers and ranges, such as 0-8,12; None for every cell that is not blank.
        fps: frames a second.
    Raises:
        CaptureError: the sheet can't be read or divided so, or a cell is not in it.
    """
    sheet = open_upright(path)
    columns, rows = _parse_grid(path, grid, sheet.size)
    width, height = sheet.width // columns, sheet.height // rows

    def cell(i: int) -> Image.Image:
        left, top = i % columns * width, i // columns * height
        return sheet.crop((left, top, left + width, top + height))

    if chosen is None:
        numbers = [i for i in range(columns * rows) if not _is_blank(cell(i))]
    else:
        numbers = parse_cells(chosen, columns * rows)
    if not numbers:
        raise CaptureError(f"{path}: all {columns * rows} cells of this sheet are blank")
    starts = tuple(i for i in range(1, len(numbers)) if not _goes_on(numbers[i - 1], numbers[i], columns))
    return PoseFrames(path, len(numbers), lambda i: cell(numbers[i]), fps, starts=starts)


def _goes_on(cell: int, following: int, columns: int) -> bool:
    """Whether two cells are neighbours in one row: most sheets have another motion or direction in the next row."""
    return cell // columns == following // columns and abs(cell - following) == 1


def webcam_frames(number: int, seconds: float, started: Callable[[], None] | None = None) -> PoseFrames:
    """Record a webcam: what it shows for some seconds, with the times at which it does.

    Args:
        started: called when the recording begins, after everything that can keep it from beginning.

    Raises:
        CaptureError: see capture.io.video.webcam.record.
    """
    from capture.io.video.webcam import record  # imported when used: other drivers need no PyAV

    recording = record(number, seconds, started)
    usual = recording.times[-1] / (len(recording) - 1) if len(recording) > 1 else Fraction(1, 25)
    shown = (*recording.times, recording.times[-1] + usual)
    return PoseFrames(Path("webcam"), len(recording), recording.read, shown=shown)


def _parse_grid(path: Path, grid: str, size: tuple[int, int]) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,3})[x×*]([1-9][0-9]{0,3})", grid.strip().lower())
    if match is None:
        raise CaptureError(f"--pose_grid {grid}: give columns x rows, such as 9x4")
    columns, rows = int(match[1]), int(match[2])
    if size[0] % columns or size[1] % rows:
        raise CaptureError(
            f"--pose_grid {grid}: {path} is {size[0]}x{size[1]} pixels, which {columns} columns and {rows} rows do not "
            "divide; count its cells again, or crop the sheet"
        )
    return columns, rows


def parse_cells(text: str, count: int) -> list[int]:
    """0-8,12 -> 0, 1, ... 8, 12; 8-0 goes backwards.

    Raises:
        CaptureError: other text, or a number that is not below `count`.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,7})\s*(?:-\s*([0-9]{1,7})\s*)?", part)
        if match is None:
            raise CaptureError(f"--pose_frames {text}: give numbers and ranges of cells, such as 0-8,12")
        first, last = int(match[1]), int(match[2] or match[1])
        if max(first, last) >= count:
            raise CaptureError(f"--pose_frames {text}: cell {max(first, last)}, but cells are 0 to {count - 1}")
        numbers += range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return numbers


def _is_blank(cell: Image.Image) -> bool:
    """Whether nothing is drawn in a cell: it is clear, or of one colour."""
    pixels = np.asarray(cell)
    if cell.mode == "RGBA" and int(pixels[..., 3].max()) == 0:
        return True
    return bool((pixels == pixels[0, 0]).all())
