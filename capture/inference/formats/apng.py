"""Endless animated PNGs, which store pictures exactly, transparency too, and any times."""

from __future__ import annotations

import struct
from contextlib import AbstractContextManager
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import IO

import numpy as np

from capture.inference.formats.base import Timeline, Write, changed_box, cropped, file_of_frames
from capture.inference.formats.png_chunks import END, chunk, compressed_data, header

LARGEST = 65_535  # of a time's numerator and denominator
_NO_DISPOSAL, _REPLACE = 0, 0  # a frame stays, and the next one replaces the pixels of its box


def apng_file(path: Path, timeline: Timeline) -> AbstractContextManager[Write]:
    """An animated PNG, there when it is whole; each frame after the first stores the box that has changed."""
    delays, sequence = _delays(timeline), count()

    def write_frame(file: IO[bytes], picture: np.ndarray, before: np.ndarray | None, number: int) -> None:
        if number == 0:
            file.write(header(picture.shape[1], picture.shape[0], picture.shape[2]))
            file.write(chunk(b"acTL", struct.pack(">II", len(timeline), 0)))
        left, top, right, bottom = box = changed_box(picture, before)
        place = (right - left, bottom - top, left, top)
        control = struct.pack(">IIIIIHHBB", next(sequence), *place, *delays[number], _NO_DISPOSAL, _REPLACE)
        file.write(chunk(b"fcTL", control))
        data = compressed_data(cropped(picture, box))
        file.write(chunk(b"IDAT", data) if number == 0 else chunk(b"fdAT", struct.pack(">I", next(sequence)) + data))

    return file_of_frames(path, write_frame, lambda file: file.write(END))


def _delays(timeline: Timeline) -> list[tuple[int, int]]:
    """Numerator and denominator of each frame's seconds: exact where 16 bits can say them, else in milliseconds."""
    exact = [end - start for start, end in zip(timeline.times, timeline.times[1:])]
    if all(0 < max(delay.numerator, delay.denominator) <= LARGEST for delay in exact):
        return [(delay.numerator, delay.denominator) for delay in map(Fraction, exact)]
    return [(min(duration, LARGEST), 1000) for duration in timeline.durations(1000)]
