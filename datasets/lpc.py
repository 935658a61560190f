"""Liberated Pixel Cup characters: sheets of 64-pixel cells -> the Mixamo tree, with true targets.

Each 832 x 1344 RGBA sheet is 13 x 21 cells. The same cell is the same pose in every sheet, so the true answer for
"character A in the pose of character B" is A's own cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.errors import CaptureError
from capture.images import open_picture
from datasets.workers import stopping, work
from datasets.writing import begin, flat_name, write_manifest, write_pairs, write_png

CELL, COLUMNS, ROWS = 64, 13, 21
ACTIONS = (("spellcast", 0, 7), ("thrust", 4, 8), ("walk", 8, 9), ("slash", 12, 6), ("shoot", 16, 13))  # row, frames
DIRECTIONS = ("back", "left", "front", "right")
CLIPS = {
    **{f"{action}_{way}": (row + d, n) for action, row, n in ACTIONS for d, way in enumerate(DIRECTIONS)},
    "hurt_front": (20, 6),
}  # name -> (row, number of frames)
BACKGROUND = (235, 235, 235)


def prepare_lpc(
    sheets: Path,
    out: Path,
    size: int = 256,
    seed: int = 0,
    pairs: int = 256,
    held_out: float = 0.2,
    workers: int | None = None,
) -> dict[str, Any]:
    """Unpack a folder of composed sheets into the Mixamo tree at `out`; return the manifest.

    Args:
        sheets: holds train/ and test/ with .png sheets, or the sheets themselves: then a share `held_out` of them,
            drawn from the seed, becomes the test characters.
        size: side of a frame, a multiple of 64 (enlarged without interpolation).
        pairs: rows of test/pairs.csv.
    Raises:
        CaptureError: no sheets, a sheet that is broken or of another layout (named), or `out` holds something else.
    """
    if size < CELL or size % CELL:
        raise CaptureError(f"--size {size}: LPC cells are {CELL} pixels; give a multiple of {CELL}, such as 256")
    train, test = _split(sheets, seed, held_out)
    parameters = {
        "kind": "lpc",
        "aligned": True,
        "size": size,
        "seed": seed,
        "background": list(BACKGROUND),
        "clips": {name: frames for name, (_, frames) in CLIPS.items()},
        "train_characters": [path.stem for path in train],
        "test_characters": [path.stem for path in test],
        "pairs": pairs,
    }
    if begin(out, parameters):
        return parameters
    rows = _draw_pairs(parameters, seed)
    wanted = {name for row in rows for name in row}
    jobs = [(path, out, size, None) for path in train] + [(path, out, size, wanted) for path in test]
    work(_unpack_job, jobs, out, workers, unit="sheet")
    write_pairs(out / "test" / "pairs.csv", [tuple(f"imgs/{name}" for name in row) for row in rows])
    write_manifest(out, parameters)
    return parameters


def cells(sheet: Path) -> dict[tuple[str, str], Image.Image]:
    """A sheet's frames: (clip, frame name) -> 64 x 64 RGBA."""
    image = open_picture(sheet).convert("RGBA")
    if image.size != (CELL * COLUMNS, CELL * ROWS):
        raise CaptureError(
            f"{sheet}: {image.width}x{image.height} is not an LPC sheet ({CELL * COLUMNS}x{CELL * ROWS}); remove it"
        )
    return {
        (clip, f"{i:02d}"): image.crop((i * CELL, row * CELL, (i + 1) * CELL, (row + 1) * CELL))
        for clip, (row, frames) in CLIPS.items()
        for i in range(frames)
    }


def _split(sheets: Path, seed: int, held_out: float) -> tuple[list[Path], list[Path]]:
    if not sheets.is_dir():
        raise CaptureError(f"{sheets}: no such folder; give the folder that holds the LPC sheets (.png)")
    train, test = (sorted((sheets / part).glob("*.png")) for part in ("train", "test"))
    if not train and not test:
        found = sorted(sheets.glob("*.png"))
        order = np.random.default_rng(seed).permutation(len(found))
        count = int(round(len(found) * held_out))
        train = sorted(found[i] for i in order[count:])
        test = sorted(found[i] for i in order[:count])
    if len(train) < 2 or len(test) < 2:
        raise CaptureError(
            f"{sheets}: {len(train)} sheets to train on and {len(test)} held out; at least 2 of each are needed "
            "(.png files in train/ and test/, or ten or more directly in the folder)"
        )
    return train, test


def _draw_pairs(parameters: dict[str, Any], seed: int) -> list[tuple[str, str, str]]:
    """Names in test/imgs of (identity, pose, target), drawn from the seed."""
    rng = np.random.default_rng([seed, 1])
    characters, clips = parameters["test_characters"], list(CLIPS)

    def any_cell() -> tuple[str, str]:
        clip = clips[rng.integers(len(clips))]
        return clip, f"{rng.integers(CLIPS[clip][1]):02d}"

    rows = []
    for _ in range(parameters["pairs"]):
        a, b = (characters[i] for i in rng.choice(len(characters), size=2, replace=False))
        shown, posed = any_cell(), any_cell()
        rows.append((flat_name(a, *shown), flat_name(b, *posed), flat_name(a, *posed)))
    return rows


def _unpack_job(job: tuple[Path, Path, int, set[str] | None]) -> int:
    """Write one sheet's frames, all of them to train/, or the `wanted` ones to test/imgs/; 1, the sheet."""
    sheet, out, size, wanted = job
    for (clip, frame), cell in cells(sheet).items():
        if wanted is None:
            path = out / "train" / sheet.stem / clip / "imgs" / f"{frame}.png"
        else:
            name = flat_name(sheet.stem, clip, frame)
            if name not in wanted:
                continue
            path = out / "test" / "imgs" / name
        if stopping():
            return 0
        if path.is_file():
            continue
        flat = Image.alpha_composite(Image.new("RGBA", cell.size, (*BACKGROUND, 255)), cell).convert("RGB")
        write_png(path, np.asarray(flat.resize((size, size), Image.Resampling.NEAREST)))
    return 1
