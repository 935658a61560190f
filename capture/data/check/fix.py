"""Setting broken files aside: they are moved to set_aside/ under the same name, and never deleted."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.data.check.findings import Findings
from capture.data.check.inventory import MAP, Inventory
from capture.data.check.pictures import Pictures
from capture.data.check.rows import judge_pairs
from capture.data.check.walk import SET_ASIDE, SPLITS

FIXABLE = ("leftover", "pairs-file", "pairs-row")  # findings that --fix handles, beside files that can't be decoded


def set_aside(inventory: Inventory, pictures: Pictures, findings: Findings) -> list[tuple[str, str]]:
    """Set aside files that can't be decoded, half-written files, and rows of pairs that can't be used.

    Pairs files come first, so that no row names a moved picture if the run is killed. Folders that become empty are
    removed.

    Returns:
        (path, new path), both below the dataset folder. For a pairs file that is kept, the new path is its copy.
    Raises:
        CaptureError: the dataset is still being prepared, or can't be written.
    """
    if findings.items("unfinished"):
        raise CaptureError(f"{inventory.root}: not fixed: finish its preparation first, by the same command again")
    moved = []
    leftovers = [item.path for item in findings.items("leftover")]
    rows = inventory.pairs if findings.items("pairs-file", "pairs-row") else []
    for path in (*rows, *_broken(inventory, pictures), *leftovers):  # all are checked before the first is moved
        _stay_inside(inventory.root, path, f"{SET_ASIDE}/{path}")
    try:
        for name in inventory.pairs:
            moved += _fix_pairs(inventory, pictures, name)
        for path in [*_broken(inventory, pictures), *leftovers]:
            moved.append((path, _move(inventory.root, path)))
    except OSError as error:
        raise CaptureError(
            f"{error.filename or inventory.root}: can't be set aside ({error.strerror or error}); "
            "make the dataset folder writable and give the same command again"
        ) from None
    return moved


def _broken(inventory: Inventory, pictures: Pictures) -> list[str]:
    """Files that can't be decoded, and the maps of such frames; without files that only this machine can't read."""
    wrong = pictures.errors.keys() - pictures.refused
    broken = {inventory.entries[i].stem for i in wrong}
    return [
        entry.path
        for i, entry in enumerate(inventory.entries)
        if i in wrong or (entry.role == MAP and broken.intersection(entry.frame_stems))
    ]


def _fix_pairs(inventory: Inventory, pictures: Pictures, name: str) -> list[tuple[str, str]]:
    """Rewrite a pairs file without its bad rows, in UTF-8, and keep a copy; set it aside if there is no good row.

    One that this user may not read is left alone.
    """
    file = judge_pairs(inventory, pictures, name)
    if file.refused:
        return []
    if file.broken:
        return [(name, _move(inventory.root, name))]
    if not file.bad:
        return []
    kept = _free_place(inventory.root, name)
    path = inventory.root / name
    write_bytes(inventory.root / kept, path.read_bytes())
    try:
        write_bytes(path, "".join([file.header, *file.good]).encode())
    except BaseException:
        (inventory.root / kept).unlink(missing_ok=True)  # the file wasn't changed
        raise
    return [(name, kept)]


def _move(root: Path, path: str) -> str:
    target = _free_place(root, path)
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(root / path, root / target)
    except OSError:
        if not (root / path).is_file():
            raise
        try:
            shutil.move(root / path, root / target)  # to another file system, where train/ is a link
        except BaseException:
            if (root / path).is_file():
                (root / target).unlink(missing_ok=True)  # half a copy
            raise
    folder = Path(path).parent
    with contextlib.suppress(OSError):  # raised at the first folder that isn't empty
        while folder.as_posix() not in (*SPLITS, "."):
            os.rmdir(root / folder)
            folder = folder.parent
    return target


def _stay_inside(root: Path, *paths: str) -> None:
    """Check that no path leads through a link out of the dataset folder.

    Raises:
        CaptureError: one of the paths does.
    """
    inside = root.resolve()
    for path in paths:
        folder = (root / path).parent
        if not folder.resolve().is_relative_to(inside):
            raise CaptureError(
                f"{folder}: a link leads from there out of {root}, where nothing is changed; "
                "put right what is broken in the place it leads to, or remove the link"
            )


def _free_place(root: Path, path: str) -> str:
    """The same path below set_aside/, with a number if that is taken already."""
    target = Path(SET_ASIDE, path)
    number = 2
    while os.path.lexists(root / target):
        target = Path(SET_ASIDE, path).with_stem(f"{Path(path).stem}.{number}")
        number += 1
    return target.as_posix()
