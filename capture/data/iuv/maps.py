"""IUV maps of the frames of a dataset, at the training size; capture.io.iuv.find_map says where they lie.

However a dataset numbers its parts, its maps are converted to the vocabulary of capture.io.iuv.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path

import numpy as np

from capture.data.cache import key_of, prepare_pictures
from capture.data.cache_build import Pictures
from capture.data.cache_file import PreparedFrames
from capture.data.decoding import FrameReader
from capture.data.index.catalog import Catalog
from capture.data.iuv.bones import renumbering_of
from capture.io.images import size_in_header
from capture.io.iuv import PARTS, find_map, map_to_square, read_map


def any_map(catalog: Catalog) -> bool:
    """Whether the manifest says that there are maps, and at least one frame has a map. Stops at the first one found."""
    return catalog.uv_parts is not None and any(map_path(catalog, number) for number in range(catalog.frames))


def map_path(catalog: Catalog, number: int) -> Path | None:
    """The map file of a frame; None where there is none. Frames of videos have no maps."""
    picture = _picture(catalog, number)
    return find_map(picture) if picture else None


def _picture(catalog: Catalog, number: int) -> Path | None:
    """The picture of a frame; None for a frame of a video."""
    path, position = catalog.frame(number)
    return path if position is None else None


def decode_map(
    path: Path | None, size: int, bones: tuple[str, ...], picture_size: tuple[int, int] | None = None
) -> np.ndarray:
    """A map file as uint8 (S, S, 3), framed as pictures are; zeros for None.

    Args:
        bones: the bones that the file numbers 1, 2, ...; () where its numbers are those of capture.io.iuv.PARTS.
        picture_size: (width, height) of the map's picture, which the map must have, too; None isn't checked.
    Raises:
        CaptureError: the file isn't a map; see read_map.
    """
    if path is None:
        return np.zeros((size, size, 3), np.uint8)
    iuv = map_to_square(read_map(path, picture_size, 255 if bones else len(PARTS)), size)
    return np.ascontiguousarray(renumbering_of(bones)(iuv.transpose(2, 0, 1)).transpose(1, 2, 0)) if bones else iuv


def decode_map_of_picture(picture: Path | None, size: int, bones: tuple[str, ...]) -> np.ndarray:
    """The same of the map of a picture, which must have its size; zeros for None, and for a picture without a map."""
    path = find_map(picture) if picture else None
    return decode_map(path, size, bones, size_in_header(picture) if picture and path else None)


class MapReader(FrameReader):
    """Maps of a catalog's frames by number, each decoded when it is read."""

    def _decode(self, number: int) -> np.ndarray:
        return decode_map_of_picture(_picture(self.catalog, number), self.size, self.catalog.uv_parts or ())


def prepare_maps(catalog: Catalog, size: int, cache_gb: float, progress: bool = True) -> PreparedFrames | None:
    """Open the prepared maps of a split, after building them where there are none or they are out of date.

    As prepare_frames, of which `cache_gb` is what the prepared frames have left.
    """
    pictures = Pictures(
        "maps",
        functools.partial(_keys, catalog),
        lambda number: (_picture(catalog, number), None),
        functools.partial(decode_map_of_picture, bones=catalog.uv_parts or ()),
        "what the frames have left of cache_gb,",
    )
    return prepare_pictures(catalog, size, cache_gb, pictures, progress)


def _keys(catalog: Catalog) -> np.ndarray:
    """uint64 (N): each changes with its map's file, or when part numbers get another meaning."""
    meaning = b""
    if catalog.uv_parts:
        new = renumbering_of(catalog.uv_parts)
        meaning = hashlib.blake2b(new.part.tobytes() + new.u.tobytes() + new.v.tobytes()).digest()
    keys = np.empty(catalog.frames, np.uint64)
    for number in range(catalog.frames):
        path, stamp = map_path(catalog, number), b"no map"
        if path:
            with contextlib.suppress(OSError):  # it has just been removed
                now = os.stat(path)
                stamp = b"%b\0%d %d" % (os.fsencode(path.relative_to(catalog.root)), now.st_size, now.st_mtime_ns)
        keys[number] = key_of(stamp + meaning)
    return keys
