"""Measuring the pictures of all rows of the table against the targets, pair by pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.evaluation.parallel import Workers
from capture.evaluation.parts import KEYS, PartFinder
from capture.io.images import image_to_tensor, load_image, open_rgb
from capture.metrics.dists import Dists
from capture.metrics.foreground import load_foreground
from capture.metrics.image import foreground_l1, foreground_ssim, l1, ssim
from capture.metrics.inception import InceptionFeatures
from capture.metrics.kernel_distance import kernel_distance
from capture.metrics.lpips import Perceptual
from capture.metrics.precision import no_tf32

PER_PAIR = ("l1", "ssim", "lpips", "l1_foreground", "ssim_foreground")
THREADS = 4  # threads that decode pictures


@dataclass
class Row:
    """The pictures of one line of the table.

    Attributes:
        name: of the method.  kind: floor, result or prediction.
        pictures: a file for each pair, in the order of the pairs.
        framed: whether pictures are padded and resized as inputs are. Otherwise they must have the evaluation's size.
        note: a footnote for the reader; "" for none.
        is_answer: whether the pictures are the targets themselves, so that no other row can be compared with this one.
    """

    name: str
    kind: str
    pictures: list[Path]
    framed: bool = False
    note: str = ""
    is_answer: bool = False


@dataclass
class Measured:
    """The numbers of one row.

    Attributes:
        values: float64 (N, C), a number for each pair and column, NaN where a number is not measured.
        features: float32 (N, 2048), the features that FID compares; None where FID is not measured.
        columns: names of the columns of `values`.
        kid: the kernel distance to the targets; NaN where it is not measured.
    """

    values: Tensor
    features: Tensor | None = None
    columns: tuple[str, ...] = PER_PAIR
    kid: float = math.nan

    def column(self, key: str) -> Tensor:
        """float64 (N,), the numbers of one column."""
        return self.values[:, self.columns.index(key)]


@dataclass
class _Share:
    """What one process measured: the indices of its pairs, and each row's numbers and features for these pairs.

    The last entries of `features` (for FID) and `alex` (for KID) are the targets'.
    """

    index: list[int]
    values: list[list[Tensor]] = field(default_factory=list)
    features: list[list[Tensor]] = field(default_factory=list)
    alex: list[list[Tensor]] = field(default_factory=list)


def load_exact(path: Path, size: int) -> Tensor:
    """Read a picture as uint8 (3, size, size). CaptureError where it has another size, since nothing is resized."""
    image = open_rgb(path)
    if image.size != (size, size):
        raise CaptureError(
            f"{path}: {image.width}x{image.height}, but this evaluation is at {size}x{size}; make the picture that "
            "size, or evaluate such pictures without result folders, at a --size of their own"
        )
    return image_to_tensor(image)


def load_mask(path: Path, size: int) -> Tensor:
    """The foreground of a target picture, bool (1, size, size), false everywhere where it is not known."""
    mask = load_foreground(path, size)
    return torch.zeros(1, size, size, dtype=torch.bool) if mask is None else mask


def measure(
    rows: Sequence[Row],
    targets: Sequence[Path],
    size: int,
    perceptual: Perceptual | None,
    inception: InceptionFeatures | None,
    workers: Workers,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
    finder: PartFinder | None = None,
    alex: Perceptual | None = None,
    dists: Dists | None = None,
) -> tuple[list[Measured], Tensor | None]:
    """Measure every row against the targets; the processes share the pairs.

    Args:
        perceptual, inception, finder, alex, dists: the networks of LPIPS, of FID, of the metrics by parts, of KID and
            of DISTS; None where these are not measured.
    Returns:
        In the main process, a Measured for each row and the targets' features; they do not depend on the batch size or
        the number of processes. In the other processes, ([], None).
    Raises:
        CaptureError: a picture that can't be read or has another size.
    """
    mine = workers.share(len(targets), batch_size)
    index = [i for batch in mine for i in batch]
    share = _Share(index, [[] for _ in rows], [[] for _ in (*rows, "targets")], [[] for _ in (*rows, "targets")])
    with (
        ThreadPoolExecutor(THREADS) as threads,
        tqdm(total=len(share.index), desc="measure", unit="pair", disable=not workers.is_main) as bar,
    ):
        for batch in mine:
            target = _load(threads, load_image, [targets[i] for i in batch], size, device)
            mask = _load(threads, load_mask, [targets[i] for i in batch], size, device)
            found = None if finder is None else finder.find(target)
            for r, row in enumerate(rows):
                load = load_image if row.framed else load_exact
                picture = _load(threads, load, [row.pictures[i] for i in batch], size, device)
                numbers = compare(picture, target, mask, perceptual)
                if dists is not None:
                    distance = dists(picture / 255, target / 255).double().cpu()
                    numbers = torch.cat([numbers, distance.unsqueeze(1)], 1)
                if finder is not None:
                    numbers = torch.cat([numbers, finder.compare(picture, target, found)], 1)
                share.values[r].append(numbers)
                if alex is not None:
                    share.alex[r].append(alex.features(picture / 255))
                if inception is not None:
                    share.features[r].append(inception(picture))
            if inception is not None:
                share.features[-1].append(inception(target))
            if alex is not None:
                share.alex[-1].append(alex.features(target / 255))
            bar.update(len(batch))
    columns = (*PER_PAIR, *(() if dists is None else ("dists",)), *(() if finder is None else KEYS))
    return _join(workers.gather(share), len(rows), columns)


def compare(picture: Tensor, target: Tensor, mask: Tensor, perceptual: Perceptual | None = None) -> Tensor:
    """The metrics of a batch of pictures.

    Args:
        picture, target: uint8 (B, 3, S, S).  mask: bool (B, 1, S, S), false everywhere where a foreground is not known.
    Returns:
        float64 (B, 5) on the CPU, a column for each of PER_PAIR.
    """
    a, b = picture.float() / 255, target.float() / 255
    distance = torch.full((len(a),), torch.nan, device=a.device) if perceptual is None else perceptual(a, b)
    with no_tf32():
        numbers = [l1(a, b), ssim(a, b), distance, foreground_l1(a, b, mask), foreground_ssim(a, b, mask)]
    return torch.stack(numbers, 1).double().cpu()


def _load(
    threads: ThreadPoolExecutor,
    load: Callable[[Path, int], Tensor],
    paths: list[Path],
    size: int,
    device: torch.device | str,
) -> Tensor:
    return torch.stack(list(threads.map(lambda path: load(path, size), paths))).to(device)


def _join(shares: list[_Share], rows: int, columns: tuple[str, ...]) -> tuple[list[Measured], Tensor | None]:
    """The shares of all processes, joined in the order of the pairs."""
    if not shares:
        return [], None
    order = torch.tensor([i for share in shares for i in share.index]).argsort()

    def joined(parts: list[Tensor]) -> Tensor | None:
        return torch.cat(parts)[order] if parts else None

    values = [torch.cat([part for share in shares for part in share.values[r]])[order] for r in range(rows)]
    features = [joined([part for share in shares for part in share.features[r]]) for r in range(rows + 1)]
    alex = [joined([part for share in shares for part in share.alex[r]]) for r in range(rows + 1)]
    reference = alex[-1]
    kid = [
        math.nan if f is None or reference is None else kernel_distance(reference, f, paired=True) for f in alex[:-1]
    ]
    return [Measured(v, f, columns, k) for v, f, k in zip(values, features, kid)], features[-1]
