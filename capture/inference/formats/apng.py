"""Endless animated PNGs, which store pictures exactly, transparency too, and any times."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from capture.common.files import atomic_file
from capture.inference.formats.base import Timeline, Write, changed_box, cropped
from capture.inference.formats.png_chunks import END, chunk, compressed_data, header

LARGEST = 65_535  # of a time's numerator and denominator
_NO_DISPOSAL, _REPLACE = 0, 0  # a frame stays, and the next one replaces the pixels of its box


@contextlib.contextmanager
def apng_file(path: Path, timeline: Timeline) -> Iterator[Write]:
    """An animated PNG, there when it is whole; each frame after the first stores the box that has changed."""
    delays = _delays(timeline)
    before: np.ndarray | None = None
    number = sequence = 0
    with atomic_file(path) as file:

        def numbered() -> int:
            nonlocal sequence
            sequence += 1
            return sequence - 1

        def write(picture: np.ndarray) -> None:
            nonlocal before, number
            if number == 0:
                file.write(header(picture.shape[1], picture.shape[0], picture.shape[2]))
                file.write(chunk(b"acTL", struct.pack(">II", len(timeline), 0)))
            left, top, right, bottom = box = changed_box(picture, before)
            place = (right - left, bottom - top, left, top)
            control = struct.pack(">IIIIIHHBB", numbered(), *place, *delays[number], _NO_DISPOSAL, _REPLACE)
            file.write(chunk(b"fcTL", control))
            data = compressed_data(cropped(picture, box))
            file.write(chunk(b"IDAT", data) if number == 0 else chunk(b"fdAT", struct.pack(">I", numbered()) + data))
            before, number = picture.copy(), number + 1

        yield write
        file.write(END)


def _delays(timeline: Timeline) -> list[tuple[int, int]]:
    """Numerator and denominator of each frame's seconds: exact where 16 bits can say them, else in milliseconds."""
    exact = [end - start for start, end in zip(timeline.times, timeline.times[1:])]
    if all(0 < max(delay.numerator, delay.denominator) <= LARGEST for delay in exact):
        return [(delay.numerator, delay.denominator) for delay in map(Fraction, exact)]
    return [(min(duration, LARGEST), 1000) for duration in timeline.durations(1000)]
