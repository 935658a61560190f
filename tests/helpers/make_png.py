"""PNG files of any bit depth and colour type, which Pillow does not write."""

from __future__ import annotations

import struct
import zlib

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


def png(width: int, height: int, bits: int, colours: int, rows: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """The bytes of a file; each row of `rows` begins with its filter."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)), *more]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in [*chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])
