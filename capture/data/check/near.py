"""Whether two pictures are the same picture, encoded, scaled or lit a little differently.

Cartoon characters of one style on one flat background look alike: perceptual hashes of lightness gradients can't tell
two characters in one pose apart. The mean colours of cells can, if the cells are small compared with the figure. So the
comparison has two steps. First, the nearest training picture is found by the means of 8 x 8 cells, which decoding has
kept, with matrix products. Then both pictures are decoded again, blurred, and compared by 8 x 8 cells over the training
picture's figure, wherever it is and however small. docs/DATASETS.md has the measurements behind the bounds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.common.workers import gather, stopping
from capture.data.check.inventory import VIDEO
from capture.io.images import border_pixels, open_rgb, to_square
from capture.io.video import VideoReader

SIDE = 8  # cells of a signature, and of a closer look
REDUCED = 512  # larger pictures are shrunk before they are padded to a square, or a long thin one would fill the memory
COARSE = 0.15  # a signature's distance to its nearest, of its own contrast, that is worth a closer look
BLUR = 0.5  # of a cell's side: what scaling and compression do to edges should not count
GROUND = 24  # a pixel is of the figure if it differs from the border's median colour by more, of 255
SHARE = 0.085  # one picture: the cells differ by at most this share of their contrast,
PLAIN = 32.0  # in a picture with a cell this far from its mean colour: else there is nothing to tell it by
TEST_BLOCK, TRAIN_BLOCK = 512, 32768  # pictures compared at a time: 64 MB
CHUNK, WORTH_SHARING = 32, 2000  # pairs in a job; pairs that make up for starting other processes

Place = tuple[str, str, int]  # a picture: path, role, frame of a video


def signature(image: Image.Image) -> np.ndarray:
    """Mean colours of SIDE x SIDE cells of an RGB picture padded to a square: uint8 (3 * SIDE * SIDE,)."""
    return np.asarray(_square(image).resize((SIDE, SIDE), Image.Resampling.BOX)).reshape(-1)


def candidates(signatures: np.ndarray, others: np.ndarray, progress: bool = False) -> np.ndarray:
    """For each of `signatures`, the index into `others` of its nearest, or -1 where that is too far away.

    Both are uint8 (N, 3 * SIDE²); `others` is not empty.
    """
    best, nearest = np.full(len(signatures), np.inf, np.float32), np.zeros(len(signatures), np.int64)
    blocks = [slice(start, start + TEST_BLOCK) for start in range(0, len(signatures), TEST_BLOCK)]
    starts = range(0, len(others), TRAIN_BLOCK)
    for k in tqdm(starts, "searching", unit="block", delay=2, disable=not progress, file=sys.stderr):
        theirs = _centred(others[k : k + TRAIN_BLOCK])
        norms = (theirs**2).sum(1)
        for block in blocks:
            ours = _centred(signatures[block])
            distance = norms - 2 * ours @ theirs.T  # squared, less |ours|², the same for all
            closest = distance.argmin(1)
            value = distance[np.arange(len(ours)), closest]
            nearest[block] = np.where(value < best[block], closest + k, nearest[block])
            best[block] = np.minimum(value, best[block])
    for block in blocks:
        ours = _centred(signatures[block])
        apart = ((ours - _centred(others[nearest[block]])) ** 2).sum(1)
        nearest[block][apart > COARSE**2 * (ours**2).sum(1)] = -1
    return nearest


def confirm(
    root: Path, pairs: Sequence[tuple[Place, Place]], workers: int | None = None, progress: bool = False
) -> np.ndarray:
    """Whether the two of each pair, a test and a training picture below `root`, are one: bool (N,)."""
    jobs = [(root, start, pairs[start : start + CHUNK]) for start in range(0, len(pairs), CHUNK)]
    if workers is None and len(pairs) < WORTH_SHARING:
        workers = 1
    same = np.zeros(len(pairs), bool)
    for start, found in gather(_confirm_job, jobs, "comparing", workers, len(pairs), "pair", progress):
        same[start : start + len(found)] = found
    return same


def same_picture(picture: Image.Image, original: Image.Image) -> bool:
    """Whether an RGB picture is the original, encoded, scaled or lit a little differently."""
    picture, original = _square(picture), _square(original)
    if picture.size != original.size:
        picture = picture.resize(original.size, Image.Resampling.BILINEAR)
    box = _figure(original)
    ours, theirs = (_centred(_cells(image, box)) for image in (picture, original))
    if np.abs(theirs).max() < PLAIN:
        return False
    return bool(((ours - theirs) ** 2).sum() <= SHARE**2 * (theirs**2).sum())


def _confirm_job(job: tuple[Path, int, Sequence[tuple[Place, Place]]]) -> tuple[int, tuple[int, list[bool]]]:
    root, start, pairs = job
    found = []
    for test, train in pairs:
        if stopping():
            break
        try:
            found.append(same_picture(_picture(root, test), _picture(root, train)))
        except CaptureError:  # it could be read a minute ago
            found.append(False)
    return len(pairs), (start, found)


def _picture(root: Path, place: Place) -> Image.Image:
    path, role, frame = place
    if role == VIDEO:
        with VideoReader(root / path) as reader:
            return reader.read(frame)
    return open_rgb(root / path)


def _square(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    if longest > REDUCED:
        width, height = (max(1, round(length * REDUCED / longest)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.BOX)
    return to_square(image, max(image.size))


def _figure(image: Image.Image) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what isn't the ground; the whole picture where nothing stands out."""
    pixels = np.asarray(image).astype(np.int16)
    ground = np.median(border_pixels(pixels), axis=0)
    figure = (np.abs(pixels - ground.astype(np.int16)) > GROUND).any(2)
    rows, columns = np.flatnonzero(figure.any(1)), np.flatnonzero(figure.any(0))
    if not len(rows):
        return 0, 0, image.width, image.height
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _cells(image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    """Mean colours of SIDE x SIDE cells of a box of a blurred picture: (1, 3 * SIDE²)."""
    left, top, right, bottom = box
    radius = BLUR * max(right - left, bottom - top) / SIDE
    margin = int(radius) + 1
    x, y = max(0, left - margin), max(0, top - margin)
    near = image.crop((x, y, min(image.width, right + margin), min(image.height, bottom + margin)))
    inside = (left - x, top - y, right - x, bottom - y)
    blurred = near.filter(ImageFilter.BoxBlur(radius))
    return np.asarray(blurred.resize((SIDE, SIDE), Image.Resampling.BOX, box=inside)).reshape(1, -1)


def _centred(cells: np.ndarray) -> np.ndarray:
    """Cell means (N, 3 * cells) less each picture's mean colour, float32."""
    colours = cells.reshape(len(cells), -1, 3).astype(np.float32)
    return (colours - colours.mean(1, keepdims=True)).reshape(len(cells), -1)
