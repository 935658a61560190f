"""Motions averaged over neighbouring frames of a video, so that what the network decides for each does not flicker.

The window reaches as far ahead as back, so that nothing lags behind the driver. Its weights are those of Savitzky and
Golay (Analytical Chemistry 1964): a polynomial is fitted to the frames of the window. A steady movement stays exactly
as it is, and with the second degree an accelerating one does, too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from capture.methods.base import Features


def window_weights(radius: int, degree: int = 2, back: int | None = None, ahead: int | None = None) -> np.ndarray:
    """Weights (back + 1 + ahead,) of the frames around one; their sum is 1.

    Args:
        radius: frames on either side.  degree: of the polynomial; lowered where there are too few frames.
        back, ahead: how many of these there are, near a video's ends.
    """
    back, ahead = (radius if side is None else min(side, radius) for side in (back, ahead))
    times = np.arange(-back, ahead + 1)
    powers = times[:, None] ** np.arange(min(degree, len(times) - 1) + 1)
    weights: np.ndarray = np.linalg.pinv(powers)[0]  # the fitted polynomial's value at 0
    return weights


def smooth(motions: Iterable[Features], radius: int, degree: int = 2, starts: Sequence[int] = ()) -> Iterator[Features]:
    """The motions of a video's frames, each (1, ...), averaged over `radius` frames on either side, in order.

    No more than 2 radius + 1 of them are kept. Near the ends the window has the same frames on both sides.

    Args:
        starts: frames at which another sequence begins, such as the next direction of a walk: windows end there.
    """
    cuts = sorted({start for start in starts if start > 0})
    source, held, first, ended = iter(motions), deque[Features](), 0, False
    position = 0
    while True:
        while not ended and first + len(held) <= position + radius:
            following = next(source, None)
            if following is None:
                ended = True
            else:
                held.append(following)
        if position >= first + len(held):
            return
        after = bisect_right(cuts, position)
        begin = cuts[after - 1] if after else 0
        end = min(cuts[after], first + len(held)) if after < len(cuts) else first + len(held)
        reach = min(radius, position - begin, end - 1 - position)
        around = [held[position - first + step] for step in range(-reach, reach + 1)]
        weights = window_weights(reach, degree)
        yield {
            name: torch.stack([float(w) * one[name] for w, one in zip(weights, around)]).sum(0) for name in around[0]
        }
        position += 1
        while first < position - radius:
            held.popleft()
            first += 1
