"""Which frames make a training sample, for every dataset of frames.

A sample depends on (seed, index) alone, so that neither the number of loader processes nor an interruption changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
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


class IdentityPictures(NamedTuple):
    """How many pictures of the identity samples have: one to `most` at random, the same number in a whole update.

    Attributes:
        most: at most MOST_IDENTITY_PICTURES.
        batch_size: samples in an update, over all processes together.
        seed: decides, with the number of the update.
        parts, places: of a mixture, how many parts it has and which of them are this source (capture.data.mixed).
    """

    most: int = 1
    batch_size: int = 1
    seed: int = 0
    parts: int = 1
    places: tuple[int, ...] = (0,)

    def count(self, indices: Sequence[int]) -> int:
        """How many pictures the samples of these indices have, which belong to one update."""
        if self.most == 1:
            return 1
        turn, k = divmod(indices[0], len(self.places))
        update = (turn * self.parts + self.places[k]) // self.batch_size
        return 1 + int(np.random.default_rng([self.seed, update, _COUNT]).integers(self.most))


ONE_PICTURE = IdentityPictures()
_COUNT, _OTHERS = 9, 8  # the last numbers of the seeds of how many pictures there are, and of which ones
_TRIES = 8  # to draw a frame that is not taken; then the first such frame is


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


def draw_other_pictures(catalog: Catalog, seed: int, index: int, count: int, target: int | None = None) -> list[int]:
    """The numbers of `count` more frames of the identity's character for sample `index`.

    They come from clips other than the identity's and the target's, where the character has more; otherwise from any.
    None is the target, and none comes twice unless the character has too few frames.

    Args:
        target: the number of the target's frame; None: that of the sample, where it has one.
    """
    if not count:
        return []
    known, sample = catalog.index, draw(catalog, seed, index)
    every = _between(known.clip_at, known.character_of(known.clip_of(sample.identity)))
    taken = {sample.identity, sample.target if target is None else target}
    used = {known.clip_of(frame) for frame in taken if frame is not None}
    clips = [clip for clip in every if clip not in used] or list(every)
    frames_of = [_between(known.frame_at, clip) for clip in clips]
    rng, found = np.random.default_rng([seed, index, _OTHERS]), []
    for _ in range(count):
        tries = (_one_of(frames_of[int(u * len(clips))], v) for u, v in rng.random((_TRIES, 2)).tolist())
        left = (frame for frame in chain(tries, *frames_of) if frame not in taken)
        frame = next(left, sample.identity)
        taken.add(frame)
        found.append(frame)
    return found


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
