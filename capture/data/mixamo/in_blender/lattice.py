"""Smooth edges from few rays: one through each point of a lattice.

A pixel is the weighted mean of the points within a pixel of its middle, which is one of them. Neighbours share points,
so that two rays a pixel come as near to what many rays converge to as eight random rays of its own. It needs nothing
of Blender.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MARGIN = 2  # pixels around the figure that are drawn as well
# Points on a line are weighted by Gaussians of their distance, fitted to Cycles' own filter with 1024 rays. Their
# standard deviation, in pixels, is larger where a ray stands for more of the line.
_BLUR = {1: 0.6, 2: 0.48}
_FINER_BLUR = 0.45


@dataclass(frozen=True)
class Lattice:
    """Points over a picture of `size` x `size` pixels: `across` x `down` in each pixel."""

    size: int
    across: int
    down: int

    @classmethod
    def of(cls, size: int, samples: int) -> Lattice:
        """The finest one with at most `samples` points a pixel."""
        down = math.isqrt(samples)
        return cls(size, min(samples // down, down + 1), down)

    @property
    def shift(self) -> tuple[float, float]:
        """How far to the right and downwards the points lie so that one is in the middle of each pixel, in sides."""
        return tuple(0.0 if n % 2 else 0.5 / (self.size * n) for n in (self.across, self.down))  # type: ignore

    def box(self, low: np.ndarray, high: np.ndarray) -> tuple[int, int, int, int]:
        """The pixels around a figure: left, top, width, height.

        Args:
            low, high: (2,) least and greatest x and y of the figure, from -1 to 1, y upwards.
        """
        first = np.floor((np.array([low[0], -high[1]]) + 1) / 2 * self.size).astype(int) - MARGIN
        last = np.ceil((np.array([high[0], -low[1]]) + 1) / 2 * self.size).astype(int) + MARGIN
        (left, top), (right, bottom) = np.clip(first, 0, self.size - 1), np.clip(last, 1, self.size)
        return int(left), int(top), int(right - left), int(bottom - top)

    def picture(self, points: np.ndarray, left: int, top: int) -> np.ndarray:
        """The picture, uint8 (S, S, 4), transparent outside the box.

        Args:
            points: uint8 (height * down, width * across, 4) of a box, not premultiplied.  left, top: of the box.
        """
        alpha = points[..., 3:].astype(np.float32) / 255  # (height * down, width * across, 1)
        light = np.concatenate((_LINEAR[points[..., :3]] * alpha, alpha), -1)
        light = _shrink(light, self.down)  # (height, width * across, 4)
        light = _shrink(light.swapaxes(0, 1), self.across).swapaxes(0, 1)  # (height, width, 4)
        alpha = light[..., 3:]
        colour = light[..., :3] / np.maximum(alpha, 1e-6)
        shown = _SHOWN[np.minimum(colour * len(_SHOWN), len(_SHOWN) - 1).astype(np.int32)]
        whole = np.zeros((self.size, self.size, 4), np.uint8)
        place = whole[top : top + len(light), left : left + light.shape[1]]
        place[..., :3], place[..., 3:] = shown, np.rint(255 * alpha)
        return whole


def _shrink(light: np.ndarray, fine: int) -> np.ndarray:
    """(rows * fine, ...) -> (rows, ...): weighted means around the middles of pixels."""
    weight = np.exp(-0.5 * (np.arange(-fine, fine + 1) / fine / _BLUR.get(fine, _FINER_BLUR)) ** 2)
    middle, rows = (fine - 1) // 2, len(light) // fine
    padded = np.pad(light, ((fine, fine), (0, 0), (0, 0)))
    terms = [
        padded[middle + k : middle + k + rows * fine : fine] * np.float32(w)
        for k, w in enumerate(weight / weight.sum())
    ]
    shrunk: np.ndarray = np.stack(terms).sum(0)
    return shrunk


def _linear() -> np.ndarray:
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _shown() -> np.ndarray:
    light = (np.arange(1 << 15) + 0.5) / (1 << 15)
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * shown).astype(np.uint8)


_LINEAR, _SHOWN = _linear(), _shown()
