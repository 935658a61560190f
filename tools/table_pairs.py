"""The pairs that the rows of the paper's table are measured on, with the IUV maps that some methods read."""

from __future__ import annotations

import csv
import functools
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from capture.checkpoints.checkpoint import FOLDER
from capture.common.files import write_bytes
from capture.config.load import RESULT_CONFIG
from capture.config.nested import set_value
from capture.config.yaml import dump_yaml
from capture.data.iuv.bones import renumbering_of
from capture.data.iuv.densepose import layout_of
from capture.data.writing import write_png
from capture.io.iuv import MAPS, find_map, read_map
from capture.io.pairs import OPTIONAL, REQUIRED, Pair, read_pairs

COLUMNS = (*REQUIRED, *OPTIONAL)
DRIVEN_BY_POSE = "_by_pose"  # follows the name of a result that is driven by the pose's own map


def have_maps(source: Path) -> bool:
    """Whether every picture of every pair has a map."""
    return all(all(_with_maps(pair, lambda uv: uv)) for pair in read_pairs(source))


def write_pairs(source: Path, out: Path) -> None:
    """Write the pairs of `source` to `out` with every map that is known.

    Maps are where `find_map` finds them, if the pairs file names no others. Maps whose parts are numbered bones, as
    Blender renders them, are written with the parts of capture.io.iuv, to the folder `maps` beside `out`.
    """
    pairs = read_pairs(source)
    numbered = functools.cache(functools.partial(_numbered, folder=out.parent / "maps"))
    rows = [[str(path.resolve()) if path else "" for path in _with_maps(pair, numbered)] for pair in pairs]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_bytes(out, text.getvalue().encode())


def _with_maps(pair: Pair, numbered: Callable[[Path], Path]) -> list[Path | None]:
    found: list[Path | None] = [getattr(pair, name) for name in COLUMNS]
    for place, name in enumerate(COLUMNS):
        picture = getattr(pair, name.removesuffix(MAPS)) if name.endswith(MAPS) else None
        if picture is not None and found[place] is None:
            uv = find_map(picture)
            found[place] = numbered(uv) if uv else None
    return found


def _numbered(uv: Path, folder: Path) -> Path:
    """A map with the parts of capture.io.iuv: the file itself, or one in `folder`, where it keeps its whole path.

    Characters have clips of the same name, and clips have frames of the same name.
    """
    layout, bones = layout_of(uv.parent)
    if layout != "rendered":
        return uv
    iuv = renumbering_of(bones)(read_map(uv, parts=len(bones)).transpose(2, 0, 1)).transpose(1, 2, 0)
    place = folder.joinpath(*uv.resolve().parts[1:]).with_suffix(".png")
    write_png(place, iuv)
    return place


def drive_by_pose(result: Path, config: dict[str, Any], key: str) -> Path:
    """A result folder with the same weights that is driven by the pose's own map, in place of the true map.

    Args:
        config: of `result`.  key: the one that says which map drives.
    """
    other = result.with_name(result.name + DRIVEN_BY_POSE)
    other.mkdir(exist_ok=True)
    link = other / FOLDER
    if not link.is_symlink():
        os.symlink(Path("..") / result.name / FOLDER, link, target_is_directory=True)
    driven = {section: dict(values) for section, values in config.items()}
    set_value(driven, key, "pose_uv")
    write_bytes(other / RESULT_CONFIG, dump_yaml(driven).encode())
    return other
