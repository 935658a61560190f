"""Positions on a head."""

from __future__ import annotations

from capture.data.toon.characters.proportions import Build


class Skull:
    """The ellipsoid of a head in the frame of its joint. All features are placed relative to it."""

    def __init__(self, b: Build) -> None:
        self.rx, self.ry, self.rz = b.width, b.head * 0.5, b.depth
        self.y = 0.43 * b.head
        self.centre = (0.0, self.y, 0.0)

    def at(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """A point given in units of the head's radii."""
        return (x * self.rx, self.y + y * self.ry, z * self.rz)

    def radii(self, scale: float, y: float | None = None) -> tuple[float, float, float]:
        return (self.rx * scale, self.ry * (scale if y is None else y), self.rz * scale)
