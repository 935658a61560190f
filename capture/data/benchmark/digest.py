"""The digest of a benchmark: of its pair lists and of the pixels that its files decode to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from capture.common.errors import CaptureError
from capture.io.images import open_picture
from capture.io.pairs import read_pairs, read_rows, with_slashes


def digest_pairs(pairs_files: Iterable[Path]) -> str:
    """SHA-256, in hexadecimal, of pairs files and of all that they name.

    For each pairs file, in the order given: its rows, with the cells joined by commas, and then for each file that a
    cell names, at its first appearance: the name, the shape of the picture, and its pixels. The mask of a picture
    (`mask/NAME` beside `imgs/NAME`) follows its picture, where there is one. So line ends, compression and the order of
    files on the disk change nothing, and any changed pixel, name or row does.

    Raises:
        CaptureError: a pairs file or a picture that can't be read.
    """
    digest = hashlib.sha256()
    for path in pairs_files:
        read_pairs(path)  # for its messages
        rows = [[cell.strip() for cell in row] for _, row in read_rows(path)]
        digest.update("".join(",".join(row) + "\n" for row in rows).encode())
        seen: set[str] = set()
        for cell in (cell for row in rows[1:] for cell in row if cell):
            name = cell if (path.parent / cell).is_file() else with_slashes(cell)
            if name not in seen:
                seen.add(name)
                _add(digest, name, path.parent / name)
                parts = Path(name).parts
                mask = Path(*parts[:-2], "mask", parts[-1]) if "imgs" in parts[-2:-1] else None
                if mask is not None and (path.parent / mask).is_file():
                    _add(digest, mask.as_posix(), path.parent / mask)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, path: Path) -> None:
    pixels = np.asarray(open_picture(path))
    if pixels.dtype != np.uint8:
        raise CaptureError(f"{path}: {pixels.dtype} pixels; a benchmark's pictures have 8 bits a channel")
    digest.update(f"{name} {pixels.shape}\n".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
