"""Writing prepared datasets: every file is whole or absent, and a manifest says what the dataset holds.

A prepared dataset has the layout of the release's Mixamo dataset:

    train/<character>/<clip>/imgs/<frame>.png      (and uv/<frame>.png, mask/<frame>.png where asked for)
    test/imgs/<character>__<clip>__<frame>.png
    test/pairs.csv                                 identity,pose,target: paths relative to the file
    manifest.json                                  written last: with it, the dataset is complete

`manifest["aligned"]` is true if the same clip and frame name of two characters is the same pose. Then the true target
of a training sample is known.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.common.folder_lock import LOCK
from capture.io.array_file import sweep

MANIFEST = "manifest.json"
STARTED = ".prepare.json"  # the parameters of a preparation that has not finished
MANIFEST_VERSION = 1
PAIRS_HEADER = ("identity", "pose", "target")


def write_png(path: Path, image: np.ndarray) -> None:
    """Write a uint8 array (H, W, 3) or (H, W) as PNG. The same array always gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=4)
    write_bytes(path, buffer.getvalue(), sync=False)  # thousands of frames; write_manifest flushes them


def is_written(path: Path) -> bool:
    """Whether a file exists and isn't empty. A power failure may leave an empty file."""
    try:
        return path.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def write_pairs(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a pairs file (CSV `identity,pose,target`); each row has these three."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PAIRS_HEADER)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def begin(root: Path, parameters: dict[str, Any], results: Collection[str] = (), added: Collection[str] = ()) -> bool:
    """Start or resume preparing `root`; returns True if it is complete already.

    Args:
        parameters: what decides the contents of the dataset, as plain JSON values.
        results: keys of the manifest that describe the outcome, and may differ from run to run.
        added: parameters that older versions of this program did not write, and that may be missing in their notes.
    Raises:
        CaptureError: `root` holds something else, or was prepared with other parameters (the first one is named), or
            by a newer version of this program.
    """
    if root.is_dir():
        for name in (MANIFEST, STARTED):
            sweep(root / name)
    wanted = json.loads(json.dumps({"version": MANIFEST_VERSION, **parameters}))
    for name in (MANIFEST, STARTED):
        if not (root / name).is_file():
            continue
        try:
            found = json.loads((root / name).read_text())
        except (ValueError, RecursionError):
            found = {}
        found = found if isinstance(found, dict) else {}
        refuse_newer(root / name, found.get("version", 0))
        compared = {**wanted, **found}.keys() - set(results) - {key for key in added if key not in found}
        other = [key for key in compared if wanted.get(key) != found.get(key)]
        if other:
            key = min(other)
            raise CaptureError(
                f"{root}: prepared with other parameters ({key}: {_brief(found.get(key))} there, "
                f"{_brief(wanted.get(key))} now) or by another version; choose another folder or remove it"
            )
        return name == MANIFEST
    refuse_others(root)
    write_bytes(root / STARTED, json.dumps(wanted).encode())
    return False


def refuse_others(root: Path) -> None:
    """Check that a folder to write is missing or empty.

    Raises:
        CaptureError: it is a file, or holds something else.
    """
    own = {LOCK, "README.md"}  # the latter in Fashion_dataset and Mixamo_dataset of the repository
    if root.exists() and (not root.is_dir() or any(path.name not in own for path in root.iterdir())):
        raise CaptureError(f"{root}: holds something else already; choose another folder")


def refuse_newer(path: Path, version: Any) -> None:
    """Check the version of a manifest, or of the notes of an unfinished preparation.

    Raises:
        CaptureError: a newer version of this program wrote it.
    """
    if not isinstance(version, int) or version > MANIFEST_VERSION:
        raise CaptureError(
            f"{path}: manifest version {version}, written by a newer version of this program; "
            f"this one reads up to {MANIFEST_VERSION}: update it"
        )


def abandon(root: Path) -> None:
    """Remove what `begin` wrote, after a preparation that wrote nothing."""
    (root / STARTED).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the folder wasn't empty before
        root.rmdir()


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def write_manifest(root: Path, manifest: dict[str, Any]) -> None:
    """Write `manifest` (plain JSON values) as the last file of a prepared dataset."""
    text = json.dumps({"version": MANIFEST_VERSION, **manifest}, indent=1, sort_keys=True) + "\n"
    os.sync()  # the frames weren't flushed one by one, and the manifest must be true after a power failure
    write_bytes(root / MANIFEST, text.encode())
    (root / STARTED).unlink(missing_ok=True)


def flat_name(character: str, clip: str, frame: str) -> str:
    """The flat file name of a test frame."""
    return f"{character}__{clip}__{frame}.png"
