"""A clip's pose on another character's bones.

What is carried over is where bones point in the world, as a change from the rest pose, so bones may differ in length,
axes and number. But a file of motion alone need not know the rest pose: FBX stores whatever pose it was saved in. From
such a file orientations themselves are carried over, which takes bones with the same axes as the character's; where
they have others, what it calls the rest pose must look like the character's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAME_AXES = 30.0  # degrees between a bone's directions in the axes of two skeletons' parents, at most, by the median
SAME_REST = 45.0  # degrees between its directions in the world, at most, for any bone
MOVES = 0.001  # of the skeleton's size: a bone that shifts more within its parent is moved, not only turned


class Unfit(Exception):
    """A clip can't be transferred to a character. The message says why in one line."""


@dataclass(frozen=True)
class Rest:
    """A skeleton in its rest pose, in world units.

    Attributes:
        names: of the bones, parents before children.
        parent: index of each bone's parent, -1 for none.
        turn: (J, 3, 3) orientation of each bone, in the world.
        head: (J, 3) where each bone starts, in the world.
    """

    names: tuple[str, ...]
    parent: tuple[int, ...]
    turn: np.ndarray
    head: np.ndarray

    @property
    def size(self) -> float:
        return float(np.ptp(self.head, axis=0).max())


@dataclass(frozen=True)
class Motion:
    """A clip, sampled.

    Attributes:
        rest: the skeleton it was made on.
        turn: (F, J, 3, 3) orientation of each bone in the world.
        head: (F, J, 3) where each bone starts, in the world.
    """

    rest: Rest
    turn: np.ndarray
    head: np.ndarray


@dataclass(frozen=True)
class Retarget:
    """Carries poses from a motion's skeleton to `rest`."""

    motion: Motion
    rest: Rest
    source: np.ndarray  # (J,) bone of the motion for each bone of `rest`, -1 for none
    ratio: float  # size of the character over the size of the motion's skeleton
    by_change: bool  # poses are transferred as changes from the rest pose; otherwise as orientations
    moved: np.ndarray  # (J,) bool: bones whose positions are transferred, too

    @classmethod
    def between(cls, motion: Motion, rest: Rest, names: dict[str, str], trusted: bool) -> Retarget:
        """
        Args:
            names: bone of the motion -> bone of the character.
            trusted: the motion's file has a skin, so its rest pose is one.
        Raises:
            Unfit: there is no telling what the rest pose was.
        """
        index = {name: i for i, name in enumerate(motion.rest.names)}
        source = np.full(len(rest.names), -1)
        for bone, own in names.items():
            if bone in index and own in rest.names:
                source[rest.names.index(own)] = index[bone]
        by_change = trusted or np.median(_angles(motion.rest, rest, source, in_parent=True)) >= SAME_AXES
        if by_change and not trusted and _angles(motion.rest, rest, source, in_parent=False).max() > SAME_REST:
            raise Unfit("its bones have other axes, and its file no mesh that would tell its rest pose")
        moved = np.array([source[j] >= 0 and _moves(motion, source[j], source, rest, j) for j in range(len(source))])
        return cls(motion, rest, source, _ratio(motion, rest, source), by_change, moved)

    def pose(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """(J, 3, 3) turns and (J, 3) shifts, in world units, that Blender's pose bones add to their rest."""
        rest, motion = self.rest, self.motion
        count = len(rest.names)
        turn, head = np.empty((count, 3, 3)), np.empty((count, 3))
        own, shift = np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3))
        for j in range(count):
            p, s = rest.parent[j], self.source[j]
            carried = turn[p] @ rest.turn[p].T if p >= 0 else np.eye(3)  # what the parent's change does to this bone
            base = carried @ rest.turn[j]
            at = head[p] + carried @ (rest.head[j] - rest.head[p]) if p >= 0 else rest.head[j]
            turn[j], head[j] = base, at
            if s < 0:
                continue
            change = motion.turn[frame, s]
            turn[j] = change @ motion.rest.turn[s].T @ rest.turn[j] if self.by_change else change
            if self.moved[j]:
                head[j] = self._place(frame, j, at, turn, head)
            own[j], shift[j] = base.T @ turn[j], base.T @ (head[j] - at)
        return own, shift

    def _place(self, frame: int, j: int, at: np.ndarray, turn: np.ndarray, head: np.ndarray) -> np.ndarray:
        """Where a moved bone starts: carried along by its parent from `at`, and moved in it as in the motion."""
        motion, s, p = self.motion, self.source[j], self.rest.parent[j]
        q = motion.rest.parent[s]
        if p < 0 or q < 0 or self.source[p] != q:  # a root: moved in the world
            if self.by_change:
                return at + self.ratio * (motion.head[frame, s] - motion.rest.head[s])
            return self.ratio * motion.head[frame, s]
        offset = motion.turn[frame, q].T @ (motion.head[frame, s] - motion.head[frame, q])  # in its parent's axes
        if self.by_change:
            offset = offset - motion.rest.turn[q].T @ (motion.rest.head[s] - motion.rest.head[q])
            return at + self.ratio * turn[p] @ self.rest.turn[p].T @ motion.rest.turn[q] @ offset
        return head[p] + self.ratio * turn[p] @ offset


def _moves(motion: Motion, s: int, source: np.ndarray, rest: Rest, j: int) -> bool:
    q, p = motion.rest.parent[s], rest.parent[j]
    if q < 0 or p < 0:
        return True
    if source[p] != q:  # a bone between the two is missing on one side: only turned, unless it hangs on no known bone
        return not _hangs_on_known(j, source, rest)
    offset = motion.head[:, s] - motion.head[:, q]
    offset = np.einsum("fba,fb->fa", motion.turn[:, q], offset)
    still = motion.rest.turn[q].T @ (motion.rest.head[s] - motion.rest.head[q])
    return bool(np.abs(np.vstack((offset, still)) - offset[0]).max() > MOVES * motion.rest.size)


def _hangs_on_known(j: int, source: np.ndarray, rest: Rest) -> bool:
    """Whether a bone of the character has an ancestor that the motion's skeleton has, too."""
    p = rest.parent[j]
    while p >= 0 and source[p] < 0:
        p = rest.parent[p]
    return p >= 0


def _pairs(motion: Rest, rest: Rest, source: np.ndarray) -> list[tuple[int, int, int, int]]:
    """(bone, its parent, the same two of the motion) wherever both skeletons have both."""
    return [
        (j, p, source[j], source[p])
        for j, p in enumerate(rest.parent)
        if p >= 0 and source[j] >= 0 and source[p] >= 0 and motion.parent[source[j]] == source[p]
    ]


def _angles(motion: Rest, rest: Rest, source: np.ndarray, in_parent: bool) -> np.ndarray:
    """Degrees between where a bone starts from its parent's start, here and there, of at least one bone.

    Args:
        in_parent: in the parent's axes, which no pose changes; else in the world.
    """
    angles = [0.0]
    for j, p, s, q in _pairs(motion, rest, source):
        own, other = rest.head[j] - rest.head[p], motion.head[s] - motion.head[q]
        if in_parent:
            own, other = rest.turn[p].T @ own, motion.turn[q].T @ other
        size = np.linalg.norm(own) * np.linalg.norm(other)
        if size > 1e-12:
            angles.append(float(np.degrees(np.arccos(np.clip(own @ other / size, -1, 1)))))
    return np.array(angles[1:] or angles)


def _ratio(motion: Motion, rest: Rest, source: np.ndarray) -> float:
    """The character's size over that of the motion's skeleton: of the chain from the hips to the lowest bone, else of
    all bones by the median. Lengths of bones are the same in any pose."""
    lengths = {
        j: (np.linalg.norm(rest.head[j] - rest.head[p]), np.linalg.norm(motion.rest.head[s] - motion.rest.head[q]))
        for j, p, s, q in _pairs(motion.rest, rest, source)
    }
    lengths = {j: pair for j, pair in lengths.items() if min(pair) > 1e-9}
    legs, j = [], int(np.argmin(np.where(source >= 0, rest.head[:, 2], np.inf)))
    while j >= 0:
        legs += [lengths[j]] if j in lengths else []
        j = rest.parent[j]
    if len(legs) >= 3:
        own, other = np.sum(legs, axis=0)
        return float(own / other)
    return float(np.median([own / other for own, other in lengths.values()])) if lengths else 1.0
