"""Render groups: renders that several samples share.

A render group is two characters in the same SCENES shots. Many samples are made of its 2 x SCENES pictures, which takes
a tenth of the rendering that four new pictures for every sample would take.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

SCENES = 5  # shots in which both characters of a group are rendered
PORTRAITS = 3  # the first scenes, mostly seen from the front; the identities of samples are taken from these
GROUPS_PER_BLOCK = 16  # groups whose samples are shuffled together
# From the identity's scene to the pose's. In this order, each of the ten pictures is the pose of one of the first ten
# samples.
_POSE_OFFSETS = (3, 1, 2, 4)
_COMBINATIONS = [  # (character, scene of the identity, scene of the pose)
    (character, scene, (scene + offset) % SCENES)
    for offset in _POSE_OFFSETS
    for scene in range(PORTRAITS)
    for character in range(2)
]
_OTHERS = 6  # the last number of the seeds of further pictures of an identity
SAMPLES_PER_RENDER_GROUP = len(_COMBINATIONS)  # 24, the most that a group can give


class GroupSample(NamedTuple):
    """Which pictures of a render group make a sample.

    Attributes:
        group: number of the render group.
        character: 0 or 1, the character whose identity is transferred; the other one shows the pose.
        identity, real: scenes of the identity picture and of the other picture of the same character.
        pose: scene of the pose picture, and of the target.
    """

    group: int
    character: int
    identity: int
    real: int
    pose: int


def group_sample(seed: int, epoch: int, index: int, samples_per_group: int = SAMPLES_PER_RENDER_GROUP) -> GroupSample:
    """Sample `index` of an epoch.

    The samples of a block of GROUPS_PER_BLOCK groups, `samples_per_group` of each, come in a shuffled order, then those
    of the next block.
    """
    block, position = divmod(index, GROUPS_PER_BLOCK * samples_per_group)
    order, real_offsets = _shuffled(seed, epoch, block, samples_per_group)
    group, number = divmod(int(order[position]), samples_per_group)
    character, identity, pose = _COMBINATIONS[number]
    real = (identity + 1 + int(real_offsets[position])) % SCENES
    return GroupSample(block * GROUPS_PER_BLOCK + group, character, identity, real, pose)


def other_scenes(seed: int, epoch: int, index: int, sample: GroupSample) -> list[int]:
    """The scenes that show the character of a sample again, in random order: not those of identity and target."""
    scenes = [scene for scene in range(SCENES) if scene not in (sample.identity, sample.pose)]
    order: list[int] = np.random.default_rng([seed, epoch, index, _OTHERS]).permutation(scenes).tolist()
    return order


@lru_cache(maxsize=4)
def _shuffled(seed: int, epoch: int, block: int, samples_per_group: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every position in a block: the number of its sample, and how many scenes `real` is from `identity`, less 1."""
    rng = np.random.default_rng([seed, epoch, block, 2])
    count = GROUPS_PER_BLOCK * samples_per_group
    return rng.permutation(count), rng.integers(SCENES - 1, size=count)
