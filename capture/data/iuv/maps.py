"""IUV maps of frames at the training size, in toon's numbers: <clip>/uv/<frame>.png beside <clip>/imgs/<frame>.png."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path

import numpy as np

from capture.data.cache import Pictures, PreparedFrames, key_of, prepare_pictures
from capture.data.decoding import FrameReader
from capture.data.index.catalog import Catalog
from capture.io.images import open_rgb, padding


def any_map(catalog: Catalog) -> bool:
    """Whether a catalog says that it has maps, and has one (mostly the first frame's: no more are looked for)."""
    return catalog.uv_parts is not None and any(map_path(catalog, number) for number in range(catalog.frames))


def map_path(catalog: Catalog, number: int) -> Path | None:
    """The map of a frame; None where there is none, as of a video's frames."""
    path = _place(catalog, number)
    return path if path and path.is_file() else None


def _place(catalog: Catalog, number: int) -> Path | None:
    """Where the map of a frame is, if there is one."""
    path, position = catalog.frame(number)
    if position is not None or path.parent.name != "imgs":
        return None
    return path.parent.parent / "uv" / f"{path.stem}.png"


def decode_map(path: Path | None, size: int, bones: tuple[str, ...]) -> np.ndarray:
    """A map -> uint8 (S, S, 3) in toon's numbers; zeros for None.

    Framed as pictures are, with background around; what lies at the middle of each pixel is taken, as a mean of two
    names is the name of neither.

    Args:
        bones: that are part 1, 2, ...; none: the numbers are toon's already.
    """
    if path is None:
        return np.zeros((size, size, 3), np.uint8)
    picture = open_rgb(path)
    left, top, right, bottom = padding(*picture.size)
    uv = np.pad(np.asarray(picture), ((top, bottom), (left, right), (0, 0)))
    at = (2 * np.arange(size) + 1) * len(uv) // (2 * size)
    uv = uv[at[:, None], at]
    if bones:
        from capture.data.iuv.bones import renaming_of  # with all of toon, which few datasets need

        uv = renaming_of(bones)(uv.transpose(2, 0, 1)).transpose(1, 2, 0)
    return np.ascontiguousarray(uv)


class MapReader(FrameReader):
    """Maps of a catalog's frames by number, decoded when they are asked for."""

    def _decode(self, number: int) -> np.ndarray:
        return decode_map(map_path(self.catalog, number), self.size, self.catalog.uv_parts)


def prepare_maps(catalog: Catalog, size: int, cache_gb: float, progress: bool = True) -> PreparedFrames | None:
    """Open the maps of a split, after building them where there are none that still hold; see prepare_frames.

    Args:
        cache_gb: what frames leave of it.
    """
    pictures = Pictures(
        "maps",
        functools.partial(_keys, catalog),
        lambda number: (map_path(catalog, number), None),
        functools.partial(decode_map, bones=catalog.uv_parts),
        "what frames leave of cache_gb,",
    )
    return prepare_pictures(catalog, size, cache_gb, pictures, progress)


def _keys(catalog: Catalog) -> np.ndarray:
    """uint64 (N): changes with a map's file (gone is a change too) and with what its numbers mean."""
    meaning = b""
    if catalog.uv_parts:
        from capture.data.iuv.bones import renaming_of

        new = renaming_of(catalog.uv_parts)
        meaning = hashlib.blake2b(new.part.tobytes() + new.u.tobytes() + new.v.tobytes()).digest()
    keys = np.empty(catalog.frames, np.uint64)
    for number in range(catalog.frames):
        path, stamp = _place(catalog, number), b"no map"
        if path:
            with contextlib.suppress(OSError):  # there is none
                now = os.stat(path)
                stamp = b"%b\0%d %d" % (os.fsencode(path.relative_to(catalog.root)), now.st_size, now.st_mtime_ns)
        keys[number] = key_of(stamp + meaning)
    return keys
