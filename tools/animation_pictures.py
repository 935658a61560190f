"""The pictures of docs/ANIMATE.md: drawings of six styles, and one of them from eight sides, animated by a result.

    python -m tools.animation_pictures docs                    animate_styles.png, animate_directions.png
    python -m tools.animation_pictures out --result result/X

The drawings are those of tools.drawings. Nothing is chosen by its looks: the motions, the directions and the frames
are the same for all of them. A chequered ground is where the results are transparent.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from capture.common.errors import Parser, command_line
from capture.common.files import write_bytes
from capture.inference.formats.pictures import picture_bytes
from capture.inference.frames import Frames
from capture.inference.motion import DIRECTIONS
from capture.inference.pipeline import Pipeline
from tools.drawings import write_drawings

CELL, SQUARE = 168, 8  # pixels: of one picture, and of the chequered ground
COUNT, EVERY = 12, 3  # frames of a motion, and which of them are shown
MOTIONS = (("walk", "front_left"), ("dance_a", "front"))
TURNED = "pixel"  # the drawing that is shown from all sides


def on_squares(picture: Image.Image, side: int = CELL) -> Image.Image:
    """A picture in a square of `side` pixels, on squares of white and grey where it is transparent."""
    y, x = np.mgrid[:side, :side] // SQUARE
    ground = Image.fromarray(np.where((x + y) % 2, 255, 232).astype(np.uint8)).convert("RGBA")
    scale = side / max(picture.size)
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    shown = picture.convert("RGBA").resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)
    ground.alpha_composite(shown, ((side - size[0]) // 2, (side - size[1]) // 2))
    return ground.convert("RGB")


def sheet(rows: Sequence[Sequence[Image.Image]]) -> np.ndarray:
    """Pictures in rows, uint8 (rows * CELL, columns * CELL, 3)."""
    return np.concatenate([np.concatenate([np.asarray(on_squares(one)) for one in row], axis=1) for row in rows])


def animate(pipeline: Pipeline, drawing: Path, motion: str, direction: str) -> list[Image.Image]:
    """Every third frame of a motion."""
    made = pipeline(drawing, motion, frames=COUNT, direction=direction, background="transparent")
    assert isinstance(made, Frames)
    return list(made.frames[::EVERY])


def styles(pipeline: Pipeline, drawings: Sequence[Path]) -> np.ndarray:
    """One row for each drawing: itself, and four frames of each motion."""
    rows = []
    for path in drawings:
        frames = [frame for motion, direction in MOTIONS for frame in animate(pipeline, path, motion, direction)]
        rows.append([Image.open(path), *frames])
    return sheet(rows)


def directions(pipeline: Pipeline, drawing: Path) -> np.ndarray:
    """Four frames of a walk from each side: two sides in a row."""
    made = [animate(pipeline, drawing, "walk", direction) for direction in DIRECTIONS]
    half = len(made) // 2
    return sheet([one + other for one, other in zip(made[:half], made[half:])])


def build_parser() -> Parser:
    parser = Parser(prog="tools.animation_pictures", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures are written")
    parser.add_argument("--result", default="Styles", help="whose weights animate (default: Styles)")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    pipeline = Pipeline.load(args.result)
    with tempfile.TemporaryDirectory() as folder:
        drawings = write_drawings(Path(folder))
        turned = next(path for path in drawings if path.stem == TURNED)
        pictures = {"styles": styles(pipeline, drawings), "directions": directions(pipeline, turned)}
    for name, picture in pictures.items():
        write_bytes(args.folder / f"animate_{name}.png", picture_bytes(picture, "png"))
        print(args.folder / f"animate_{name}.png")


if __name__ == "__main__":
    command_line(main)()
