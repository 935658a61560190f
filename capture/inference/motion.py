"""Motions in the box: drivers that are drawn when they are needed, so that nobody has to find a video.

The figure that is drawn has proportions near those of the character that it drives. This is the one module of
capture.inference that may import the data layer: the renderer of the training data is also what draws drivers, and
weights that were trained on its pictures read no others as well.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from capture.common.errors import CaptureError
from capture.data.toon.motion.motions import CLIPS
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.rendering.render import render
from capture.inference.figure_measures import FigureMeasures
from capture.inference.formats.base import Tag
from capture.inference.pose_frames import SHEET_RATE, PoseFrames

MOTIONS: tuple[str, ...] = tuple(sorted(CLIPS))
FRAMES = 12  # of a motion, which is a loop
MOST_FRAMES = 240
# Where the character faces in the picture, and the camera's azimuth. The eight go around once.
DIRECTIONS = {
    "front": 0.0, "front_left": 45.0, "left": 90.0, "back_left": 135.0,
    "back": 180.0, "back_right": 225.0, "right": 270.0, "front_right": 315.0,
}  # fmt: skip
PLAIN_STYLE = 6290  # of 50,000 seeds of styles, the one nearest to no style at all: not lean, not mirrored, mid-sized
# Seeds of people with short hair, and without hats, skirts and capes, which hide limbs: slim and stout, with large and
# with small heads
CANDIDATES = (
    *(1643, 467, 774, 2156, 2969, 2100, 1489, 1780, 3112, 2747, 1386, 2683),
    *(2000, 770, 1609, 2788, 2125, 1762, 410, 660, 1847, 1219, 444, 1180, 1103),
)
USUAL = FigureMeasures(1.75, 0.36)  # measures of the middle of the candidates
_MEASURED = 64  # pixels of a side of the pictures that candidates are measured in


def motion_frames(
    name: str, size: int, frames: int = FRAMES, direction: str = "front", like: FigureMeasures | None = None
) -> list[np.ndarray]:
    """Draw one loop of a motion.

    Args:
        name: one of MOTIONS.
        size: side S of the pictures in pixels, even, at least 16.
        frames: how many pictures make the loop.
        direction: where the figure faces, one of DIRECTIONS.
        like: measures that the figure's should be near; None for usual ones.
    Returns:
        uint8 (S, S, 3) for each frame, on the ground that toon pictures have.
    Raises:
        CaptureError: an unknown name or direction, or a number that is impossible.
    """
    check_motion(name)
    if direction not in DIRECTIONS:
        raise CaptureError(f"direction {direction}: choose one of {', '.join(DIRECTIONS)}")
    if not 1 <= frames <= MOST_FRAMES:
        raise CaptureError(f"--frames {frames}: a motion is drawn in 1 to {MOST_FRAMES} frames")
    character, view = choose_character(like or USUAL), View(DIRECTIONS[direction])
    shots = [Shot(character, name, PLAIN_STYLE, k / frames, view) for k in range(frames)]
    return list(render(shots, size)["rgb"].permute(0, 2, 3, 1).contiguous().numpy())


def motion_poses(
    name: str,
    size: int,
    directions: Sequence[str] = ("front",),
    frames: int = FRAMES,
    fps: float = SHEET_RATE,
    like: FigureMeasures | None = None,
) -> PoseFrames:
    """A motion as a driver: one loop from each direction, one after another, each with a tag such as walk_left."""
    drawn = [picture for direction in directions for picture in motion_frames(name, size, frames, direction, like)]
    tags = tuple(Tag(f"{name}_{d}", k * frames, (k + 1) * frames - 1) for k, d in enumerate(directions))
    starts = tuple(tag.first for tag in tags)
    return PoseFrames(Path(name), len(drawn), lambda i: Image.fromarray(drawn[i]), fps, tags, starts, drawn=True)


def check_motion(name: str) -> None:
    """CaptureError where there is no motion of this name; the message says which are near."""
    if name not in MOTIONS:
        near = difflib.get_close_matches(name.lower(), MOTIONS, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "--pose_path motion:list shows all of them"
        raise CaptureError(f"motion:{name}: no such motion; {hint}")


def choose_character(like: FigureMeasures) -> int:
    """The candidate whose measures are nearest: by its head where that is known, and by its height to its width."""

    def distance(measures: FigureMeasures) -> float:
        by_width = abs(np.log(measures.height_to_width / like.height_to_width))
        if like.head_share is None or measures.head_share is None:
            return float(by_width)
        return float(by_width + abs(np.log(measures.head_share / like.head_share)))

    measured = candidate_measures()
    return min(measured, key=lambda seed: distance(measured[seed]))


@functools.cache
def candidate_measures() -> dict[int, FigureMeasures]:
    """The measures of every candidate, as it stands and is seen from the front."""
    shots = [Shot(seed, "idle", PLAIN_STYLE, 0.0, View(0.0)) for seed in CANDIDATES]
    drawn = render(shots, _MEASURED, outputs=("mask", "iuv"))
    measured = {}
    for seed, mask, iuv in zip(CANDIDATES, drawn["mask"].numpy(), drawn["iuv"].numpy()):
        measures = FigureMeasures.of(mask, iuv[0])
        assert measures is not None
        measured[seed] = measures
    return measured


def motion_sheet(size: int = 64, columns: int = 8) -> Image.Image:
    """Every motion in a row of pictures with its name, two motions beside each other."""
    rows = (len(MOTIONS) + 1) // 2
    name_width, row_height = 110, size + 4
    width = name_width + columns * size
    sheet = Image.new("RGB", (2 * width, rows * row_height), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for k, name in enumerate(MOTIONS):
        left, top = k // rows * width, k % rows * row_height
        pen.text((left + 8, top + size // 2 - 6), name, fill=(40, 40, 40))
        for i, picture in enumerate(motion_frames(name, size, columns, "front_left")):
            sheet.paste(Image.fromarray(picture), (left + name_width + i * size, top + 2))
    return sheet
