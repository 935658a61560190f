"""Matching pictures that another program rendered to the pairs of a pairs file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from capture.common.errors import CaptureError
from capture.io.images import is_image
from capture.io.pairs import Pair


def match_predictions(folder: str | Path, pairs: Sequence[tuple[int, Pair]]) -> list[Path]:
    """Find the picture of each pair in a folder of rendered pictures.

    The name of a picture is the index of its pair in the pairs file, as five digits from 00000, or the name of the
    pair's target, with any extension. All pictures must be named in the same of these two ways.

    Args:
        pairs: (index in the pairs file, pair).
    Raises:
        CaptureError: the folder or a picture is missing, or names are ambiguous.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder of pictures; give --pred DIR or --pred NAME=DIR")
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if is_image(path):
            by_stem.setdefault(path.stem, []).append(path)
    numbers = [f"{index:05d}" for index, _ in pairs]
    targets = [pair.target.stem if pair.target else "" for _, pair in pairs]
    complete = [
        stems
        for stems in (numbers, targets)
        if len(set(stems)) == len(stems) and all(stem in by_stem for stem in stems)
    ]
    if not complete:
        found = max((numbers, targets), key=lambda stems: sum(stem in by_stem for stem in stems))
        i = next((i for i, stem in enumerate(found) if stem not in by_stem), 0)
        raise CaptureError(
            f"{folder}: no picture for pair {pairs[i][0]}; name it {numbers[i]}.png (its place in the "
            f"pairs file) or, where no target occurs twice, {targets[i]}.png (its target)"
        )
    if len(complete) == 2 and numbers != targets:
        raise CaptureError(f"{folder}: pictures named after the pairs' places and after their targets; keep one kind")
    for stem in complete[0]:
        if len(by_stem[stem]) > 1:
            names = " and ".join(path.name for path in by_stem[stem])
            raise CaptureError(f"{folder}: {names} answer the same pair; keep one")
    return [by_stem[stem][0] for stem in complete[0]]
