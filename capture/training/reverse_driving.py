"""Reverse driving (from SCAIL-2): aligned pairs of a drawn character in poses that no other character is drawn in.

A frame of the foreign character is the true target. Its driver is another character, drawn by trained weights in that
frame's pose. Whether the driver shows that pose is found out by a second reading: the foreign character, from another
one of its frames, is laid out in the driver's pose, and the parts of that layout are compared with those of the frame.
What the weights misread comes back as another pose, and the pair is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from capture.common.errors import CaptureError, check_least
from capture.common.files import sha256_of
from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.packed.contents import Contents, shard_name, webdataset
from capture.data.packed.write import begin_pack, finish_pack, write_shard
from capture.data.sample_source import Batch
from capture.data.sampling import draw, draw_other_pictures
from capture.data.toon.dataset import HELD_OUT_SEEDS
from capture.data.toon.rendering.camera import Shot
from capture.data.toon.rendering.render import render
from capture.data.toon.shots import LAST_SEED, draw_view
from capture.data.writing import is_written, write_png
from capture.inference.transfer import PoseTransfer
from capture.io.images import normalise
from capture.io.iuv import PART, PARTS
from capture.metrics.foreground import differs_from_background

ROLES = ("identity", "pose", "real", "target")
TOGETHER = 8  # candidates that are drawn at once
MOST_TRIES = 20  # candidates for each sample that is wanted
SHOWN = 20  # pairs on each of the two sheets


class Candidate(NamedTuple):
    """A pair that may become a sample; pictures are uint8 (3, S, S).

    Attributes:
        identity, real: other frames of the foreign character.
        target: the frame.
        pose: the driver.
        agreement: of the second reading with the frame, 0 to 1.
    """

    identity: Tensor
    real: Tensor
    target: Tensor
    pose: Tensor
    agreement: float


def write_drivers(
    result: str,
    dataset: str,
    out: Path,
    samples: int,
    agreement: float,
    samples_per_shard: int = 1000,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> Contents:
    """Write (or finish writing) training samples whose pose is a driver, as shards that training streams.

    The sheets NUMBER.kept.png and NUMBER.rejected.png beside each NUMBER.tar show pairs in rows: another frame of the
    character, the frame, the driver. Shards that exist are kept, so an interrupted run goes on where it stopped.

    Args:
        result: trained weights that segment parts.
        dataset: folder of a dataset of frames on a plain ground.
        samples: how many, of the size of the weights, rounded up to whole shards.
        agreement: the least agreement of the second reading.
    Raises:
        CaptureError: no such weights or dataset, a ground that is not plain, or too few pairs agree.
    """
    webdataset()
    check_least(("samples", samples, 1), ("samples_per_shard", samples_per_shard, 1), ("seed", seed, 0))
    if not 0 <= agreement <= 1:
        raise CaptureError(f"--agreement {agreement}: use a number from 0 to 1")
    transfer = PoseTransfer.load(result, device)
    if not transfer.generator.layered:
        raise CaptureError(f"{result}: this method finds no parts to compare; use weights of capture_parts")
    frames = FrameDataset(scan(dataset, progress=progress), transfer.size, seed)
    samples_per_shard = min(samples, samples_per_shard)
    shards = -(-samples // samples_per_shard)
    weights = f"{Path(result).name} (sha256 {sha256_of(transfer.source)[:16]})"  # results of one name may differ
    source = f"{Path(dataset).name}, driven by {weights}, agreement {agreement:g}"
    contents = Contents(transfer.size, shards, samples_per_shard, ROLES, True, seed, source)
    if begin_pack(out, contents, dataset):
        return contents
    for number in range(shards):
        if not is_written(out / shard_name(number)):
            first = number * MOST_TRIES * samples_per_shard
            sheets = _Sheets(out, Path(shard_name(number)).stem)
            made = _kept(transfer, frames, first, samples_per_shard, agreement, sheets, dataset)
            bar = tqdm(made, shard_name(number), samples_per_shard, unit="sample", disable=not progress)
            write_shard(out, number, contents, bar)
    finish_pack(out, contents, dataset)
    return contents


def _kept(
    transfer: PoseTransfer,
    frames: FrameDataset,
    first: int,
    count: int,
    agreement: float,
    sheets: _Sheets,
    dataset: str,
) -> Iterator[Batch]:
    """`count` samples of the candidates from number `first` on."""
    found = tried = 0
    while tried < MOST_TRIES * count:
        for candidate in draw_candidates(transfer, frames, range(first + tried, first + tried + TOGETHER)):
            tried += 1
            sheets.add(candidate, candidate.agreement >= agreement)
            if candidate.agreement >= agreement and found < count:
                found += 1
                yield {**{role: getattr(candidate, role) for role in ROLES}, "has_target": torch.tensor(True)}
        if found == count:
            return
    raise CaptureError(
        f"{dataset}: of {tried} pairs {found} agree by {agreement:g} or more, and {count} are wanted; lower "
        "--agreement, or use weights that know this style better"
    )


def draw_candidates(transfer: PoseTransfer, frames: FrameDataset, indices: range) -> list[Candidate]:
    """The candidates of these numbers, each of which depends on the dataset's seed and on its number alone."""
    draws = [draw(frames.catalog, frames.seed, index) for index in indices]
    others = [
        draw_other_pictures(frames.catalog, frames.seed, index, 1, target=one.real)[0]
        for index, one in zip(indices, draws)
    ]
    identity, real, target = (
        torch.from_numpy(np.stack([frames.reader.read(number) for number in numbers])).permute(0, 3, 1, 2).contiguous()
        for numbers in ([one.identity for one in draws], others, [one.real for one in draws])
    )
    shots = [_portrait(np.random.default_rng([frames.seed, index, 11])) for index in indices]
    drivers = transfer.render(render(shots, frames.size)["rgb"], target, TOGETHER)
    agreements = second_reading(transfer, identity, target, drivers)
    return [Candidate(*values) for values in zip(identity, real, target, drivers, agreements)]


def _portrait(rng: np.random.Generator) -> Shot:
    """A toon character that stands and is seen from about the front; none of the held-out ones."""
    character = int(rng.integers(HELD_OUT_SEEDS.stop, LAST_SEED))
    return Shot(character, "idle", int(rng.integers(LAST_SEED)), float(rng.random()), draw_view(rng, 1.0))


def second_reading(transfer: PoseTransfer, identity: Tensor, frame: Tensor, driver: Tensor) -> list[float]:
    """How well the identity, laid out in the driver's pose, agrees with its own frame (part_agreement).

    Args:
        identity, frame, driver: uint8 (B, 3, S, S); the first two show one character.
    """
    own, pose = transfer.encode_identity(normalise(identity)), transfer.encode_pose(normalise(driver))
    layers = transfer.decode_layers([own], pose, transfer.estimate_motion([own], pose))
    second = layers.logits.argmax(1).cpu()  # (B, S, S)
    second = torch.where(second > len(PARTS), PART["head"] + 1, second)  # as `segment` counts eyes and mouth
    first = transfer.segment(frame)
    assert first is not None  # of a layered generator
    first = F.interpolate(first[:, None].float(), size=second.shape[-2:], mode="nearest")[:, 0].long()
    figures = [differs_from_background(picture.permute(1, 2, 0).numpy()) for picture in frame]
    if any(figure is None for figure in figures):
        raise CaptureError("a picture has no plain ground, so that nobody knows its figure; reverse driving needs that")
    return [part_agreement(a, b, torch.from_numpy(figure)) for a, b, figure in zip(first, second, figures)]


def part_agreement(first: Tensor, second: Tensor, figure: Tensor) -> float:
    """The share of pixels at which two readings find the same part, of all that belong to the figure for any of them.

    Args:
        first, second: int64 (S, S), parts, 0 for the background.
        figure: bool (S, S), where the figure is, which is known.
    """
    whole = figure | (second > 0)
    same = figure & (first == second) & (second > 0)
    return float(same.sum() / whole.sum().clamp(min=1))


class _Sheets:
    """The first SHOWN pairs of a shard that are kept and that are not: NAME.kept.png and NAME.rejected.png."""

    def __init__(self, out: Path, name: str):
        self.rows: dict[bool, list[np.ndarray]] = {True: [], False: []}
        self.files = {True: out / f"{name}.kept.png", False: out / f"{name}.rejected.png"}

    def add(self, candidate: Candidate, kept: bool) -> None:
        """Show a pair, if there is room."""
        rows = self.rows[kept]
        if len(rows) == SHOWN:
            return
        pictures = (candidate.identity, candidate.target, candidate.pose)
        rows.append(torch.cat([picture.permute(1, 2, 0) for picture in pictures], dim=1).numpy())
        halves = [np.concatenate(rows[k::2]) for k in range(2) if rows[k::2]]
        high = max(len(half) for half in halves)
        padded = [np.pad(half, ((0, high - len(half)), (0, 0), (0, 0)), constant_values=255) for half in halves]
        write_png(self.files[kept], np.concatenate(padded, axis=1))
