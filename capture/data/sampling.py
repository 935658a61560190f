"""Which frames make a training sample, for every dataset of frames.

A sample depends on (seed, index) alone, so that neither the number of loader processes nor an interruption changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from capture.data.index.catalog import Catalog


class Draw(NamedTuple):
    """The numbers of a sample's frames.

    Attributes:
        identity, real: x and y of the paper, two frames of character A.
        pose: p of the paper, a frame of character B.
        target: A in the pose of B; None where it is unknown.
    """

    identity: int
    real: int
    pose: int
    target: int | None


def draw(catalog: Catalog, seed: int, index: int) -> Draw:
    """Sample number `index`: two different characters, and two different clips of A (two frames if A has one clip)."""
    known = catalog.index
    u = (
        np.random.default_rng([seed, index]).random(8).tolist()
    )  # one call, because each call takes longer than all the rest
    a, b = _two_of(range(known.characters), u[0], u[1])
    clips = _between(known.clip_at, a)
    if len(clips) > 1:
        one, two = _two_of(clips, u[2], u[3])
        identity, real = _one_of(_between(known.frame_at, one), u[4]), _one_of(_between(known.frame_at, two), u[5])
    else:
        identity, real = _two_of(_between(known.frame_at, clips[0]), u[4], u[5])
    clip = _one_of(_between(known.clip_at, b), u[6])
    pose = _one_of(_between(known.frame_at, clip), u[7])
    return Draw(identity, real, pose, known.same_frame(pose, a) if catalog.aligned else None)


def _between(starts: np.ndarray, i: int) -> range:
    return range(int(starts[i]), int(starts[i + 1]))


def _one_of(numbers: range, u: float) -> int:
    """The number that u in [0, 1) chooses."""
    return numbers[int(u * len(numbers))]


def _two_of(numbers: range, u: float, v: float) -> tuple[int, int]:
    """Two different numbers, which u and v in [0, 1) choose."""
    i, j = int(u * len(numbers)), int(v * (len(numbers) - 1))
    return numbers[i], numbers[j + (j >= i)]


class EndlessBatches:
    """Batches of sample indices without end, from a given step on: torch's `batch_sampler` for a whole run.

    Update number n uses the samples from n * batch_size up to (n + 1) * batch_size, whatever the number of processes.
    Each of the `world` processes takes its share of these samples, so that no two processes use the same sample, and a
    run can be resumed with another number of processes.

    Args:
        batch_size: samples in an update, over all processes together.
        start_step: number of the first update.
        rank: number of this process.
        world: how many processes train.
    """

    def __init__(self, batch_size: int, start_step: int = 0, rank: int = 0, world: int = 1):
        if batch_size % world:
            raise ValueError(f"a batch of {batch_size} can't be shared evenly by {world} processes")
        self.batch_size, self.start_step = batch_size, start_step
        self.share = batch_size // world
        self.offset = rank * self.share

    def __iter__(self) -> Iterator[list[int]]:
        step = self.start_step
        while True:
            first = step * self.batch_size + self.offset
            yield list(range(first, first + self.share))
            step += 1
