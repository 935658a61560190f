"""A picture of what a result makes of every style of a suite, after `evaluate.py RESULT --suite styles`.

    python -m tools.style_sheet result/Toon/evaluation/styles PICTURE.png --name Toon

Two rows a style: identity, pose, output, truth. The pairs are a third and two thirds down the measured ones, whatever
they look like. --before puts the output of another evaluation of the same pairs beside it.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from PIL import Image, ImageDraw

from capture.common.errors import CaptureError, Parser, command_line
from capture.common.files import write_bytes
from capture.evaluation.suite import SuiteDataset, read_suite
from capture.io.images import image_to_tensor, open_rgb, png_bytes

SIZE, GAP, HEAD = 96, 4, 15  # pixels: of a picture, between two styles, of a heading
COLUMNS = 3  # styles side by side


def chosen(evaluation: Path, dataset: SuiteDataset, name: str) -> list[list[Path]]:
    """Identity, pose, output and truth of two pairs; [] where the dataset was not measured.

    Raises:
        CaptureError: it was measured, but not with a result of this name.
    """
    report = evaluation / dataset.name / "pairs.csv"
    if not report.is_file():
        return []
    with report.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"].split(" ")[0] == name]
    if not rows:
        raise CaptureError(f"{report}: no result called {name} in it; give --name")
    found = []
    for row in (rows[len(rows) // 3], rows[2 * len(rows) // 3]):
        found_files = (evaluation / dataset.name / "renders").glob(f"*/{int(row['pair']):05d}_*.png")
        of_result = [path for path in found_files if path.parent.name.rpartition("-")[0] == name]  # not name-other
        renders = sorted(of_result, key=lambda path: path.stat().st_mtime)
        if not renders:
            raise CaptureError(f"{report}: the picture of pair {row['pair']} is gone; run evaluate.py again")
        found.append([Path(row["identity"]), Path(row["pose"]), renders[-1], Path(row["target"])])
    return found


def draw_sheet(styles: dict[str, list[list[Path]]]) -> Image.Image:
    """The picture: the name of each style above its two rows."""
    across = len(next(iter(styles.values()))[0])
    lines = -(-len(styles) // COLUMNS)
    wide, high = across * SIZE + GAP, HEAD + 2 * SIZE + GAP
    words = "identity, pose, output, truth" if across == 4 else "identity, pose, before, output, truth"
    sheet = Image.new("RGB", (COLUMNS * wide - GAP, lines * high), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, rows) in enumerate(styles.items()):
        left, top = number % COLUMNS * wide, number // COLUMNS * high
        draw.text((left + 2, top + 2), f"{name}: {words}", fill="black")
        for line, row in enumerate(rows):
            for column, path in enumerate(row):
                picture = open_rgb(path).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
                sheet.paste(picture, (left + column * SIZE, top + HEAD + line * SIZE))
    return sheet


@command_line
def main() -> None:
    parser = Parser(prog="tools.style_sheet", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("evaluation", type=Path, help="what evaluate.py --suite wrote")
    parser.add_argument("picture", type=Path, help="the PNG file to write")
    parser.add_argument("--suite", default="styles", help="a suite's name or file (default: styles)")
    parser.add_argument("--name", default="Toon", help="of the result (default: Toon)")
    parser.add_argument("--before", type=Path, help="another evaluation of the same pairs")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args = parser.parse_args()
    styles = {
        dataset.name: rows
        for dataset in read_suite(args.suite).datasets
        if (rows := chosen(args.evaluation, dataset, args.name))
    }
    for dataset in read_suite(args.suite).datasets if args.before else ():
        for row, other in zip(styles.get(dataset.name, ()), chosen(args.before, dataset, args.name)):
            if row[:2] != other[:2]:
                raise CaptureError(f"{args.before}: {dataset.name} was measured on other pairs there")
            row.insert(2, other[2])
    if not styles:
        raise CaptureError(f"{args.evaluation}: no dataset of suite {args.suite} was measured in it")
    write_bytes(args.picture, png_bytes(image_to_tensor(draw_sheet(styles))))


if __name__ == "__main__":
    main()
