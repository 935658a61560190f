"""Drawings used more than once: two characters act the same scenes, and many samples are made of the few pictures."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

SCENES = 5  # shots that both characters of a troupe are drawn in
PORTRAITS = 3  # the first of them, mostly seen from the front: identities are taken from these
BLOCK = 16  # troupes whose samples are shuffled together
_ON = (3, 1, 2, 4)  # scenes from the identity's to the pose's: the first ten samples have each picture as the pose once
_PARTS = [(who, i, (i + on) % SCENES) for on in _ON for i in range(PORTRAITS) for who in range(2)]
PER_TROUPE = len(_PARTS)


class Casting(NamedTuple):
    """Which pictures of troupe number `troupe` make a sample: characters 0 and 1, scenes 0 .. SCENES - 1.

    The identity is `who` in scene `identity`, the other picture of it scene `real`; the pose is the other character in
    scene `pose`, the target `who` in that scene.
    """

    troupe: int
    who: int
    identity: int
    real: int
    pose: int


def casting(seed: int, epoch: int, index: int, samples: int = PER_TROUPE) -> Casting:
    """Sample `index` of an epoch: `samples` of each of BLOCK troupes come in shuffled order, then those of the next."""
    block, place = divmod(index, BLOCK * samples)
    order, others = _shuffled(seed, epoch, block, samples)
    troupe, part = divmod(int(order[place]), samples)
    who, identity, pose = _PARTS[part]
    real = (identity + 1 + int(others[place])) % SCENES
    return Casting(block * BLOCK + troupe, who, identity, real, pose)


@lru_cache(maxsize=4)
def _shuffled(seed: int, epoch: int, block: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, epoch, block, 2])
    count = BLOCK * samples
    return rng.permutation(count), rng.integers(SCENES - 1, size=count)
