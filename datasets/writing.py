"""How every `prepare.py` command writes: whole files or none, and a manifest that says what is there.

A prepared dataset is the Mixamo tree of the release:

    train/<character>/<clip>/imgs/<frame>.png      (and uv/<frame>.png, mask/<frame>.png where asked for)
    test/imgs/<character>__<clip>__<frame>.png
    test/pairs.csv                                 identity,pose,target: paths relative to the file
    manifest.json                                  written last: its presence means "complete"

`manifest["aligned"]` is true where the same clip and frame name of two characters is the same pose, so that the
true target of a training sample is known.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.files import write_bytes

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
PAIRS_HEADER = ("identity", "pose", "target")


def write_png(path: Path, image: np.ndarray) -> None:
    """Write a uint8 (H, W, 3) or (H, W) array as PNG. The same array always gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=4)
    write_bytes(path, buffer.getvalue(), sync=False)  # thousands of frames, and the manifest comes last


def write_pairs(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write a pairs file (CSV `identity,pose,target`)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PAIRS_HEADER)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def write_manifest(root: Path, manifest: dict[str, Any]) -> None:
    """Write `manifest` (plain JSON values) as the last file of a prepared dataset."""
    text = json.dumps({"version": MANIFEST_VERSION, **manifest}, indent=1, sort_keys=True) + "\n"
    write_bytes(root / MANIFEST, text.encode())


def flat_name(character: str, clip: str, frame: str) -> str:
    """The flat file name of a test frame."""
    return f"{character}__{clip}__{frame}.png"
