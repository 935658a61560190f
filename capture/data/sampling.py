"""Which frames make a training sample: one sampler for every dataset of frames.

A sample is decided by (seed, index) alone, so neither the number of loader processes nor an interruption changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from capture.data.index.catalog import Catalog


class Draw(NamedTuple):
    """A sample's frames by number: x and y of character A, p of character B, and A in B's pose where it is known."""

    identity: int
    real: int
    pose: int
    target: int | None


def draw(catalog: Catalog, seed: int, index: int) -> Draw:
    """Sample number `index`: two different characters; of A two different videos (frames, where it has one video)."""
    known = catalog.index
    u = np.random.default_rng([seed, index]).random(8).tolist()  # one call: each takes longer than the rest of this
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
    """One of them, u in [0, 1) deciding."""
    return numbers[int(u * len(numbers))]


def _two_of(numbers: range, u: float, v: float) -> tuple[int, int]:
    """Two different ones of them."""
    i, j = int(u * len(numbers)), int(v * (len(numbers) - 1))
    return numbers[i], numbers[j + (j >= i)]


class EndlessBatches:
    """Batches of sample indices from a given step on, for ever: torch's `batch_sampler` for a whole run.

    Update number n uses samples n * batch_size up to (n + 1) * batch_size, whatever the number of processes: rank r of
    `world` takes its share of each update's samples, so ranks never share one, and a run can go on with more or fewer.
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
