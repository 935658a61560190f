"""Which frames make a training sample: one sampler for every dataset of frames.

A sample is decided by (seed, index) alone, so neither the number of loader processes nor an interruption changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.catalog import Catalog, Character


@dataclass(frozen=True)
class Draw:
    """Files of one sample: x and y of character A, p of character B, and A in B's pose where the data holds it."""

    identity: Path
    real: Path
    pose: Path
    target: Path | None


def draw(catalog: Catalog, seed: int, index: int) -> Draw:
    """Sample number `index`: two different characters; of A two different videos (frames, where it has one video)."""
    rng = np.random.default_rng([seed, index])
    a, b = rng.choice(len(catalog.characters), size=2, replace=False)
    character, other = catalog.characters[a], catalog.characters[b]
    identity, real = _two_frames(character, rng)
    clip = other.clips[rng.integers(len(other.clips))]
    frame = clip.frames[rng.integers(len(clip.frames))]
    target = None
    if catalog.aligned:
        same = character.by_name.get(clip.name)
        if same is not None and (same.folder / frame).is_file():
            target = same.path(frame)
    return Draw(identity, real, clip.path(frame), target)


def _two_frames(character: Character, rng: np.random.Generator) -> tuple[Path, Path]:
    if len(character.clips) > 1:
        one, two = (character.clips[i] for i in rng.choice(len(character.clips), size=2, replace=False))
        return tuple(clip.path(clip.frames[rng.integers(len(clip.frames))]) for clip in (one, two))
    clip = character.clips[0]
    i, j = rng.choice(len(clip.frames), size=2, replace=False)
    return clip.path(clip.frames[i]), clip.path(clip.frames[j])


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
