"""The test pairs of a prepared dataset: what is held out, and which pictures are put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Place = TypeVar("Place")


def hold_out(rng: np.random.Generator, names: Iterable[str], count: int, usable: Collection[str]) -> tuple[str, ...]:
    """`count` of the `usable` names, in order. Names that are not usable are passed over and move no other choice."""
    names = sorted(names)
    drawn = [names[i] for i in rng.permutation(len(names))]
    return tuple(sorted([name for name in drawn if name in usable][:count]))


def draw_pairs(
    rng: np.random.Generator,
    clips_of: Mapping[str, Collection[str]],
    sources: Sequence[Sequence[str]],
    own_clips: Sequence[str],
    count: int,
    choose: Callable[[np.random.Generator, str], Place],
) -> list[tuple[tuple[str, Place], tuple[str, Place], tuple[str, Place]]]:
    """(identity, pose, target) of `count` pairs: each is (character, place).

    Args:
        clips_of: character -> its clips. All of them may be drawn.
        sources: lists of clips to take poses from, in turn. Clips that fewer than two characters have are left out.
        own_clips: the clips that an identity picture may come from.
        choose: a random picture of a clip, which every character with this clip has.
    Returns:
        The pairs; [] where no two characters share a clip.
    """
    names = list(clips_of)
    shared = [[clip for clip in source if sum(clip in clips_of[name] for name in names) >= 2] for source in sources]
    shared = [source for source in shared if source]
    pairs = []
    for i in range(count if shared else 0):
        source = shared[i % len(shared)]
        clip = source[rng.integers(len(source))]
        candidates = [name for name in names if clip in clips_of[name]]
        a, b = (candidates[k] for k in rng.choice(len(candidates), size=2, replace=False))
        own = [name for name in own_clips if name in clips_of[a]]
        shown_clip = own[rng.integers(len(own))]
        posed = choose(rng, clip)
        pairs.append(((a, choose(rng, shown_clip)), (b, posed), (a, posed)))
    return pairs
