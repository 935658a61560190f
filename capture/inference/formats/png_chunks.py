"""The pieces of a PNG file, for files that are written as their pictures come (W3C, PNG Specification, 3rd edition)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from capture.inference.formats.base import as_image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_COLOUR_TYPES = {3: 2, 4: 6}  # channels -> RGB, RGBA
COMPRESSION = 6


def chunk(kind: bytes, data: bytes) -> bytes:
    """Length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, channels: int) -> bytes:
    """The signature and IHDR of 8 bits a channel, and sRGB."""
    fields = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", fields) + chunk(b"sRGB", b"\x00")


def compressed_data(picture: np.ndarray) -> bytes:
    """The compressed data of a picture uint8 (H, W, 3 or 4), as IDAT and fdAT chunks hold it."""
    buffer = io.BytesIO()
    as_image(picture).save(buffer, "PNG", compress_level=COMPRESSION)
    return b"".join(data for kind, data in _chunks(buffer.getvalue()) if kind == b"IDAT")


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


class Rows:
    """Compresses a picture by some rows at a time, so that it is never in memory as a whole."""

    def __init__(self, width: int, channels: int):
        self._above = np.zeros((width, channels), np.uint8)
        self._compressor = zlib.compressobj(COMPRESSION)

    def add(self, rows: np.ndarray) -> bytes:
        """The IDAT chunk of the next rows, uint8 (h, width, channels); empty while the compressor only collects."""
        if not len(rows):
            return b""
        left = np.pad(rows, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        up = np.concatenate([self._above[None], rows[:-1]])
        kinds = np.stack([rows, rows - left, rows - up]).reshape(3, len(rows), -1)  # filters 0, 1 and 2
        # the usual heuristic: the filter whose differences, as signed bytes, are smallest
        best = np.abs(kinds.view(np.int8).astype(np.int16)).sum(-1, dtype=np.int64).argmin(0)
        chosen = kinds[best, np.arange(len(rows))]
        self._above = rows[-1].copy()
        return self._chunk(self._compressor.compress(np.column_stack([best.astype(np.uint8), chosen]).tobytes()))

    def finish(self) -> bytes:
        """The last IDAT chunk."""
        return self._chunk(self._compressor.flush())

    @staticmethod
    def _chunk(data: bytes) -> bytes:
        return chunk(b"IDAT", data) if data else b""
