"""Every number of every pair, for all rows of the table at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError
from capture.evaluation.parallel import Workers
from capture.io.images import image_to_tensor, load_image, open_rgb
from capture.metrics.foreground import load_foreground
from capture.metrics.image import foreground_l1, foreground_ssim, l1, ssim
from capture.metrics.inception import InceptionFeatures
from capture.metrics.lpips import Perceptual
from capture.metrics.precision import no_tf32

PER_PAIR = ("l1", "ssim", "lpips", "l1_foreground", "ssim_foreground")
THREADS = 4  # that decode pictures


@dataclass
class Row:
    """What one line of the table is measured on.

    Attributes:
        name: of the method.  kind: floor, result or prediction.  pictures: one file for each pair, in their order.
        framed: padded and resized as inputs are; otherwise a picture must have the evaluation's size already.
        note: what a reader must know, "" for nothing.
    """

    name: str
    kind: str
    pictures: list[Path]
    framed: bool = False
    note: str = ""


@dataclass
class Measured:
    """The numbers of one row.

    Attributes:
        values: float64 (N, 5), a column for each of PER_PAIR, NaN where there is no such number.
        features: float32 (N, 2048) of FID, or None.
    """

    values: Tensor
    features: Tensor | None = None


@dataclass
class _Share:
    """What one process measured: pairs `index`, and a part of each row's numbers, the targets' features last."""

    index: list[int]
    values: list[list[Tensor]] = field(default_factory=list)
    features: list[list[Tensor]] = field(default_factory=list)


def load_exact(path: Path, size: int) -> Tensor:
    """A picture that has the evaluation's size, uint8 (3, size, size); CaptureError if not: nothing is resized."""
    image = open_rgb(path)
    if image.size != (size, size):
        raise CaptureError(
            f"{path}: {image.width}x{image.height}, but this evaluation is at {size}x{size}; make the picture that "
            "size, or evaluate such pictures without result folders, at a --size of their own"
        )
    return image_to_tensor(image)


def load_mask(path: Path, size: int) -> Tensor:
    """`load_foreground`, bool (1, size, size), empty where the foreground isn't known."""
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
) -> tuple[list[Measured], Tensor | None]:
    """Measure every row against the targets; the processes share the pairs.

    Returns:
        In the main process one Measured for each row and the targets' features, whatever the batch size and the
        number of processes; in the others nothing, ([], None).
    Raises:
        CaptureError: a picture that can't be read or has another size.
    """
    mine = workers.share(len(targets), batch_size)
    share = _Share([i for batch in mine for i in batch], [[] for _ in rows], [[] for _ in (*rows, "targets")])
    with (
        ThreadPoolExecutor(THREADS) as threads,
        tqdm(total=len(share.index), desc="measure", unit="pair", disable=not workers.is_main) as bar,
    ):
        for batch in mine:
            target = _load(threads, load_image, [targets[i] for i in batch], size, device)
            mask = _load(threads, load_mask, [targets[i] for i in batch], size, device)
            for r, row in enumerate(rows):
                load = load_image if row.framed else load_exact
                picture = _load(threads, load, [row.pictures[i] for i in batch], size, device)
                share.values[r].append(compare(picture, target, mask, perceptual))
                if inception is not None:
                    share.features[r].append(inception(picture))
            if inception is not None:
                share.features[-1].append(inception(target))
            bar.update(len(batch))
    return _join(workers.gather(share), len(rows), len(targets))


def compare(picture: Tensor, target: Tensor, mask: Tensor, perceptual: Perceptual | None = None) -> Tensor:
    """The numbers of a batch.

    Args:
        picture, target: uint8 (B, 3, S, S).  mask: bool (B, 1, S, S), empty where a foreground isn't known.
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


def _join(shares: list[_Share], rows: int, n: int) -> tuple[list[Measured], Tensor | None]:
    """The processes' shares, back in the order of the pairs."""
    if not shares:
        return [], None
    order = torch.tensor([i for share in shares for i in share.index]).argsort()

    def joined(parts: list[Tensor]) -> Tensor | None:
        return torch.cat(parts)[order] if parts else None

    values = [joined([part for share in shares for part in share.values[r]]) for r in range(rows)]
    features = [joined([part for share in shares for part in share.features[r]]) for r in range(rows + 1)]
    return [Measured(v, f) for v, f in zip(values, features)], features[-1]
