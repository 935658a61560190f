"""Map files that are wrong in one way each, made from a good map: what every reader of maps refuses in one line."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

WRONG = {  # what is wrong -> words of the message, whoever reads the map
    "size": r"(\d+x\d+.* picture .*\d+x\d+|picture of)",
    "16 bit": "16 bits a channel",
    "palette": "has a palette",
    "parts": "part number 99",
    "nan": "(NaN|has the shape)",
    "another": "not the map of",
}


def write_wrong_map(good: Path, wrong: str, path: Path) -> Path:
    """Write the map `good` with something wrong, to `path` or, where it must be an array, beside it as .npy."""
    values = np.asarray(Image.open(good))
    height, width = values.shape[:2]
    if wrong == "size":
        Image.fromarray(values[: height // 2]).save(path)
    elif wrong == "16 bit":
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        data = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    elif wrong == "palette":
        Image.fromarray(values).convert("P").save(path)
    elif wrong == "parts":
        Image.fromarray(np.where(values > 0, np.maximum(values, 99), 0).astype(np.uint8).clip(max=99)).save(path)
    elif wrong == "nan":
        path = path.with_suffix(".npy")
        np.save(path, np.full((height, width, 3), np.nan, np.float32))
    elif wrong == "another":
        Image.fromarray(np.roll(values, (height // 2, width // 2), axis=(0, 1))).save(path)
    else:
        raise KeyError(wrong)
    return path
