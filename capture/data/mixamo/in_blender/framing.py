"""The scale of a character: the largest at which no frame is cut off, with the feet on the ground line.

The middle of the ground line is below the trunk, and the character is scaled about that point. For a point of its skin,
relative to that point, every border of the picture is then a linear bound on the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .style import BORDER, GROUND

REACH = 1.5  # half heights of the picture: depths from so far in front of the target to so far behind it are told apart


@dataclass(frozen=True)
class View:
    """A camera that looks at the character. The unit of length is half the picture's height at the target.

    Attributes:
        right, up, back: unit vectors in the world, x to the character's left, y backwards, z up.
        target: height of the point looked at above the ground.
    """

    right: np.ndarray
    up: np.ndarray
    back: np.ndarray
    distance: float
    target: float

    @classmethod
    def at(cls, azimuth: float, elevation: float, field_of_view: float) -> View:
        """Azimuth 0 sees the front, 90 the character's left side; elevation is the camera's; all in degrees."""
        a, e = np.radians(azimuth), np.radians(elevation)
        back = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
        right = np.array([np.cos(a), np.sin(a), 0.0])
        up = np.cross(back, right)
        slope = np.tan(np.radians(field_of_view) / 2)
        # the ground below the trunk is seen at GROUND: -target * up_z = GROUND * slope * (distance + target * back_z)
        target = -GROUND / (up[2] + GROUND * slope * back[2])
        return cls(right, up, back, 1 / slope, target)

    @property
    def position(self) -> np.ndarray:
        """Where the camera is, relative to the ground below the trunk."""
        return self.target * np.array([0.0, 0.0, 1.0]) + self.distance * self.back

    def extent(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(2,) least and greatest x and y in the picture, -1 to 1, of points (N, 3) in units of the view."""
        seen = (points - self.position) @ np.stack((self.right, self.up, -self.back / self.distance), 1)
        picture = seen[:, :2] / seen[:, 2:]
        return picture.min(0), picture.max(0)

    def largest(self, points: np.ndarray) -> float:
        """The largest scale at which points (N, 3), relative to the ground below the trunk, fit (perhaps infinity)."""
        slope = 1 / self.distance
        reach = BORDER * slope * (self.distance + self.target * self.back[2])  # at scale 0 ...
        near = BORDER * slope * (points @ self.back)  # ... and how it shrinks towards the camera
        across, upwards, sink = points @ self.right, points @ self.up, self.target * self.up[2]
        bounds = (
            (across + near, reach),
            (-across + near, reach),
            (upwards + near, reach + sink),
            (-upwards + near, reach - sink),
        )
        return min((room / grown.max() for grown, room in bounds if grown.max() > 0), default=np.inf)
