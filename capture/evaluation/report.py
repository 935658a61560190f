"""The report of an evaluation: metrics of every pair, means by character and by clip, best and worst pictures."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.evaluation.measure import PER_PAIR, Measured, Row
from capture.evaluation.table import mean
from capture.io.images import grid, image_to_tensor, load_image, png_bytes, tensor_to_image
from capture.io.pairs import Pair, character_and_clip

SHEET = 16  # pairs on a contact sheet
HEAD, STRIP = 16, 96  # pixels above the pictures for the headings, and to the left of each row for its number
HEADINGS = ("identity", "pose", "target", "output")


def write_report(
    folder: Path,
    root: Path,
    pairs: Sequence[tuple[int, Pair]],
    rows: Sequence[Row],
    measured: Sequence[Measured],
    size: int,
) -> None:
    """Write pairs.csv, characters.csv, clips.csv and, for each result or prediction, <name>_best.png and _worst.png.

    Args:
        root: the folder that names of pictures are relative to.  pairs: (index in the pairs file, pair).
    """
    named = [character_and_clip(pair, root) for _, pair in pairs]
    columns = measured[0].columns if measured else PER_PAIR
    write_bytes(
        folder / "pairs.csv",
        _csv(
            ["method", "pair", "character", "clip", "identity", "pose", "target", *columns],
            (
                [row.name, index, *named[i], pair.identity, pair.pose, pair.target, *_cells(numbers.values[i].tolist())]
                for row, numbers in zip(rows, measured)
                for i, (index, pair) in enumerate(pairs)
            ),
        ),
    )
    for what, column in (("character", 0), ("clip", 1)):
        groups: dict[str, list[int]] = {}
        for i, names in enumerate(named):
            groups.setdefault(names[column], []).append(i)
        write_bytes(
            folder / f"{what}s.csv",
            _csv(
                ["method", what, "pairs", *columns],
                (
                    [
                        row.name,
                        group,
                        len(members),
                        *_cells([mean(column) for column in numbers.values[members].T.tolist()]),
                    ]
                    for row, numbers in zip(rows, measured)
                    for group, members in sorted(groups.items())
                ),
            ),
        )
    for row, numbers in zip(rows, measured):
        if row.kind != "floor":
            key, order = ranking(numbers.values)
            for which, chosen in (("best", order[:SHEET]), ("worst", order[::-1][:SHEET])):
                name = re.sub(r"[^A-Za-z0-9.-]+", "_", row.name).strip("_")
                sheet = contact_sheet(pairs, row, numbers.values, chosen, key, size)
                write_bytes(folder / f"{name}_{which}.png", png_bytes(sheet))


@contextlib.contextmanager
def together(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder, whose files replace those in `folder` at the end; after an error the old ones stay.

    Raises:
        CaptureError: the files can't be moved to `folder`.
    """
    staged = folder / ".report.partial"
    shutil.rmtree(staged, ignore_errors=True)  # left by a run that was killed
    try:
        yield staged
        for path in sorted(staged.iterdir()):
            os.replace(path, folder / path.name)
    except OSError as error:
        raise CaptureError(
            f"{error.filename2 or error.filename}: can't be written ({error.strerror}); choose another folder (--out)"
        ) from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def ranking(values: Tensor) -> tuple[str, list[int]]:
    """The metric that ranks the pairs, LPIPS or, where it is not measured, L1; and the pairs from best to worst."""
    key = "l1" if values[:, PER_PAIR.index("lpips")].isnan().any() else "lpips"
    return key, values[:, PER_PAIR.index(key)].argsort(stable=True).tolist()


def contact_sheet(
    pairs: Sequence[tuple[int, Pair]], row: Row, values: Tensor, chosen: Sequence[int], key: str, size: int
) -> Tensor:
    """uint8 (3, H, W), a row for each chosen pair: index and metric, identity, pose, target, the method's picture."""
    columns: list[list[Path]] = [
        [pairs[i][1].identity for i in chosen],
        [pairs[i][1].pose for i in chosen],
        [target for i in chosen if (target := pairs[i][1].target) is not None],
        [row.pictures[i] for i in chosen],
    ]
    pictures = grid([torch.stack([load_image(path, size) for path in column]) for column in columns])
    sheet = Image.new("RGB", (STRIP + pictures.shape[2], HEAD + pictures.shape[1]), "white")
    sheet.paste(tensor_to_image(pictures), (STRIP, HEAD))
    draw, step = ImageDraw.Draw(sheet), (pictures.shape[1] - 2) // len(chosen)
    for column, heading in enumerate(HEADINGS):
        draw.text((STRIP + 2 + column * step, 2), heading, fill="black")
    for line, i in enumerate(chosen):
        number = values[i, PER_PAIR.index(key)].item()
        draw.text((4, HEAD + line * step + step // 2 - 10), f"pair {pairs[i][0]}\n{key} {number:.4f}", fill="black")
    return image_to_tensor(sheet)


def _csv(header: list[str], rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def _cells(values: Sequence[float]) -> list[str]:
    return ["" if math.isnan(value) else f"{value:.6f}" for value in values]
