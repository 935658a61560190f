"""The pairs that the page shows, and their pictures as data of the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from capture.evaluation.measure import Row
from capture.io.images import open_rgb, to_square
from capture.io.pairs import Pair

EACH = 4  # best pairs of a row, and worst ones
RANDOM = 6  # pairs that are shown with every row's output
SEED = 0
LARGEST = 256  # side in pixels of a picture on the page; a larger picture is shrunk


class Pictures:
    """Picture files as data URLs, each read once.

    Args:
        size: side that identities, poses and targets are framed at.
    """

    def __init__(self, size: int):
        self.size = size
        self._made: dict[tuple[Path, bool], str] = {}

    def url(self, path: Path, framed: bool) -> str:
        """`framed`: whether the picture is padded and resized as inputs are. CaptureError where it can't be read."""
        if (path, framed) not in self._made:
            image = open_rgb(path)
            image = to_square(image, self.size) if framed else image
            self._made[path, framed] = data_url(image)
        return self._made[path, framed]

    def figure(self, path: Path, framed: bool, caption: str, name: str = "") -> str:
        """A picture with its caption; `name` is the class of the picture."""
        text = escape(caption)
        kind = f' class="{name}"' if name else ""
        return (
            f'<figure><img{kind} loading="lazy" src="{self.url(path, framed)}" alt="{text}">'
            f"<figcaption>{text}</figcaption></figure>"
        )

    def output(self, path: Path, framed: bool, caption: str, title: str) -> str:
        """A picture that a click opens beside its target."""
        return (
            f'<figure><button class="compare" aria-label="compare {escape(title)} with the target"><img loading="lazy" '
            f'src="{self.url(path, framed)}" alt="{escape(title)}"></button>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )


def data_url(image: Image.Image) -> str:
    """An RGB picture as a lossless WebP in a data URL, at most LARGEST pixels long."""
    if max(image.size) > LARGEST:
        image = image.copy()
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", lossless=True)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def random_pairs(n: int) -> list[int]:
    """Places of the pairs that are shown with every row: the same ones for the same number of pairs."""
    return sorted(np.random.default_rng(SEED).permutation(n)[:RANDOM].tolist())


def pair_of_every_row(
    pictures: Pictures, pair: tuple[int, Pair], place: int, title: str, rows: Sequence[Row], cells: Sequence[str]
) -> str:
    """A pair's three pictures, and the output of every row that is not a copy.

    Args:
        pair: (index in the pairs file, pair).  place: of the pair among the measured ones.
        cells: the number of each row that stands below its output.
    """
    index, files = pair
    shown = [
        pictures.output(row.pictures[place], row.framed, f"{row.name}: {cell}", f"{row.name}, pair {index}")
        for row, cell in zip(rows, cells)
        if row.kind != "floor"
    ]
    return f'<div class="pair"><p class="muted">{escape(title)}</p>{_inputs(pictures, files)}{"".join(shown)}</div>'


def best_and_worst(
    pictures: Pictures, pairs: Sequence[tuple[int, Pair]], titles: Sequence[str], row: Row, numbers: Tensor, key: str
) -> str:
    """A row's best and worst pairs by `numbers` (N,), where lower is better, under two headings."""
    order = numbers.argsort(stable=True).tolist()
    best = order[:EACH]
    worst = [place for place in order[::-1] if place not in best][:EACH]
    parts = []
    for which, chosen in (("Best", best), ("Worst", worst)):
        cards = []
        for place in chosen:
            index, files = pairs[place]
            made = pictures.output(row.pictures[place], row.framed, "output", f"{row.name}, pair {index}")
            caption = f"{titles[place]} · {key.upper()} {numbers[place]:.4f}"
            inputs = _inputs(pictures, files)
            cards.append(f'<div class="pair"><p class="muted">{escape(caption)}</p>{inputs}{made}</div>')
        if cards:
            parts.append(f'<h3>{which}</h3><div class="cards">{"".join(cards)}</div>')
    return "".join(parts)


def _inputs(pictures: Pictures, files: Pair) -> str:
    shown = [pictures.figure(files.identity, True, "identity"), pictures.figure(files.pose, True, "pose")]
    if files.target is not None:
        shown.append(pictures.figure(files.target, True, "target", "target"))
    return "".join(shown)
