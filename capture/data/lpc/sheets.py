"""Liberated Pixel Cup characters: sheets of 64-pixel cells -> the Mixamo tree, with true targets.

Each 832 x 1344 RGBA sheet is 13 x 21 cells (newer ones go on below). The same cell is the same pose in every sheet, so
the true answer for "character A in the pose of character B" is A's own cell. Sheets are files, or are composed of
layers (layers.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from capture.common.errors import CaptureError, check_least
from capture.common.files import sha256_of
from capture.common.workers import stopping, work
from capture.data.lpc.characters import Character, choose_characters
from capture.data.lpc.credits import write_credits
from capture.data.lpc.layers import find_styles, layer_root
from capture.data.lpc.pieces import ACTIONS, CELL, COLUMNS, ROWS, Piece, draw_sheet
from capture.data.mixamo.models import safe_name
from capture.data.writing import begin, flat_name, is_written, write_manifest, write_pairs, write_png
from capture.io.images import eight_bit, open_picture

DIRECTIONS = ("back", "left", "front", "right")
CLIPS = {
    f"{action}_{way}": (row + d, frames)
    for action, (row, frames, rows) in ACTIONS.items()
    for d, way in enumerate(DIRECTIONS if rows == 4 else ("front",))
}  # name -> (row, number of frames)
BACKGROUND = (235, 235, 235)
TRAIN, TEST = 200, 40  # characters that are composed unless the user says how many


@dataclass(frozen=True)
class _Sheet:
    """A character's frames to write: from a file, or from layers below a folder."""

    name: str
    path: Path
    pieces: tuple[Piece, ...] = ()

    def draw(self) -> Image.Image:
        return draw_sheet(self.path, self.pieces) if self.pieces else _open_sheet(self.path)


def prepare_lpc(
    sheets: Path,
    out: Path,
    size: int = 256,
    seed: int = 0,
    pairs: int = 256,
    held_out: float = 0.2,
    workers: int | None = None,
    characters: int | None = None,
    test_characters: int | None = None,
) -> dict[str, Any]:
    """Unpack sheets, or characters composed of layers, into the Mixamo tree at `out`; return the manifest.

    Args:
        sheets: holds train/ and test/ with .png sheets, or the sheets themselves: then a share `held_out` of them,
            drawn from the seed, becomes the test characters. Or a repository of layers (layers.py).
        size: side of a frame, a multiple of 64 (enlarged without interpolation).
        pairs: rows of test/pairs.csv.
        characters, test_characters: how many to compose of layers (None: TRAIN and TEST); held-out ones are new
            combinations. They are refused where `sheets` are sheets.
    Raises:
        CaptureError: no sheets, two of one name, a sheet or layer that is broken or of another layout (named), too few
            layers, or `out` holds something else.
    """
    if size < CELL or size % CELL:
        raise CaptureError(f"--size {size}: LPC cells are {CELL} pixels; give a multiple of {CELL}, such as 256")
    check_least(("pairs", pairs, 1), ("seed", seed, 0))
    root = layer_root(sheets)
    composed: list[Character] = []
    if root:
        count = TRAIN if characters is None else characters
        composed = _compose(sheets, root, count, TEST if test_characters is None else test_characters, seed)
        train, test = _halves(composed, root, count)
    else:
        train, test = _split(sheets, seed, held_out)
        for name, given in (("characters", characters), ("test_characters", test_characters)):
            if given is not None:
                raise CaptureError(
                    f"--{name} {given}: {sheets} holds sheets, and characters are composed of layers alone; leave it "
                    "out, and put the sheets to hold out into test/, the others into train/"
                )
    parameters = {
        "kind": "lpc",
        "aligned": True,
        "size": size,
        "seed": seed,
        "background": list(BACKGROUND),
        "clips": {name: frames for name, (_, frames) in CLIPS.items()},
        "train_characters": [sheet.name for sheet in train],
        "test_characters": [sheet.name for sheet in test],
        "pairs": pairs,
    }
    if not root:
        parameters["files"] = {sheet.name: sha256_of(sheet.path) for sheet in (*train, *test)}
    if composed:
        parameters["recipes"] = {
            character.name: {"body": character.body, "layers": [piece.name for piece in character.pieces]}
            for character in composed
        }
    if begin(out, parameters, added=("files",)):
        return parameters
    rows = _draw_pairs(parameters, seed)
    wanted = {name for row in rows for name in row}
    jobs = [(sheet, out, size, None) for sheet in train] + [(sheet, out, size, wanted) for sheet in test]
    work(_unpack_job, jobs, out, workers, unit="sheet")
    write_pairs(
        out / "test" / "pairs.csv",
        [(f"imgs/{identity}", f"imgs/{pose}", f"imgs/{target}") for identity, pose, target in rows],
    )
    if root and composed:
        files = (name for character in composed for piece in character.pieces for _, name in piece.files)
        write_credits(root, files, out)
    write_manifest(out, parameters)
    return parameters


def _compose(sheets: Path, root: Path, train: int, test: int, seed: int) -> list[Character]:
    if train < 2 or test < 2:
        raise CaptureError(f"--characters {train} --test_characters {test}: at least 2 of each are needed")
    return choose_characters(root, find_styles(sheets), train + test, seed)


def _halves(composed: list[Character], root: Path, train: int) -> tuple[list[_Sheet], list[_Sheet]]:
    made = [_Sheet(character.name, root, character.pieces) for character in composed]
    return made[:train], made[train:]


def cells(sheet: Path) -> dict[tuple[str, str], Image.Image]:
    """A sheet's frames: (clip, frame name) -> 64 x 64 RGBA."""
    return _cells(_open_sheet(sheet))


def _cells(image: Image.Image) -> dict[tuple[str, str], Image.Image]:
    return {
        (clip, f"{i:02d}"): image.crop((i * CELL, row * CELL, (i + 1) * CELL, (row + 1) * CELL))
        for clip, (row, frames) in CLIPS.items()
        for i in range(frames)
    }


def _open_sheet(path: Path) -> Image.Image:
    image = eight_bit(open_picture(path), path).convert("RGBA")
    if image.width < CELL * COLUMNS or image.height < CELL * ROWS or image.width % CELL or image.height % CELL:
        raise CaptureError(
            f"{path}: {image.width}x{image.height} is not an LPC sheet ({CELL * COLUMNS}x{CELL * ROWS}); remove it"
        )
    return image


def _split(sheets: Path, seed: int, held_out: float) -> tuple[list[_Sheet], list[_Sheet]]:
    if not sheets.is_dir():
        raise CaptureError(f"{sheets}: no such folder; give the folder that holds the LPC sheets (.png)")
    train, test = (_pictures(sheets / part) for part in ("train", "test"))
    if not train and not test:
        found = _pictures(sheets)
        order = np.random.default_rng(seed).permutation(len(found))
        count = int(round(len(found) * held_out))
        train = sorted(found[i] for i in order[count:])
        test = sorted(found[i] for i in order[:count])
    if len(train) < 2 or len(test) < 2:
        raise CaptureError(
            f"{sheets}: {len(train)} sheets to train on and {len(test)} held out; at least 2 of each are needed "
            "(.png files in train/ and test/, or ten or more directly in the folder, or a repository of layers)"
        )
    first: dict[str, Path] = {}
    for path in (*train, *test):
        other = first.setdefault(_name(path).lower(), path)
        if other != path:
            raise CaptureError(
                f"{sheets}: two characters would be called {_name(path)}, of {other.relative_to(sheets)} and "
                f"{path.relative_to(sheets)}; rename one of them"
            )
    return [_Sheet(_name(path), path) for path in train], [_Sheet(_name(path), path) for path in test]


def _name(path: Path) -> str:
    """The name of a sheet's character: the file's, but without two underscores, which part the names of test frames."""
    return safe_name(path.stem) if "__" in f"{path.stem}_" else path.stem


def _pictures(folder: Path) -> list[Path]:
    """The .png files directly in a folder, sorted; hidden ones left out.

    Raises:
        CaptureError: a name that is not UTF-8, which no pairs file can hold.
    """
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() == ".png" and not p.name.startswith("."))
    for path in found:
        try:
            path.name.encode()
        except UnicodeEncodeError:
            raise CaptureError(f"{folder}: the name of {ascii(path.name)} is not UTF-8; rename it") from None
    return found


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


def _unpack_job(job: tuple[_Sheet, Path, int, set[str] | None]) -> int:
    """Write one sheet's frames, all of them to train/, or the `wanted` ones to test/imgs/; 1, the sheet."""
    sheet, out, size, wanted = job
    paths = {}
    for clip, (_, frames) in CLIPS.items():
        for frame in (f"{i:02d}" for i in range(frames)):
            name = flat_name(sheet.name, clip, frame)
            if wanted is None:
                paths[clip, frame] = out / "train" / sheet.name / clip / "imgs" / f"{frame}.png"
            elif name in wanted:
                paths[clip, frame] = out / "test" / "imgs" / name
    missing = {key: path for key, path in paths.items() if not is_written(path)}
    drawn = _cells(sheet.draw()) if missing and not stopping() else {}
    for key, path in missing.items():
        if stopping():
            return 0
        cell = drawn[key]
        flat = Image.alpha_composite(Image.new("RGBA", cell.size, (*BACKGROUND, 255)), cell).convert("RGB")
        write_png(path, np.asarray(flat.resize((size, size), Image.Resampling.NEAREST)))
    return 1
