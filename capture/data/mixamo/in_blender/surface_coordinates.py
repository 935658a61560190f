"""Coordinates of points on the body that are the same on every character: the part (a bone), u and v.

u runs around the bone, with 0.5 in front and the seam behind. v runs along it, from 0 where the part starts to 1 where
it ends. Both are measured in the rest pose, so that a point has the same coordinates in every pose.
"""

from __future__ import annotations

import numpy as np

FRONT = np.array([0.0, -1.0, 0.0])  # the direction in which characters look


def surface_coordinates(point: np.ndarray, part: np.ndarray, frames: np.ndarray, span: np.ndarray) -> np.ndarray:
    """uint8 (N, 3): part, u, v.

    Args:
        point: (N, 3) points in the rest pose.
        part: (N,) the part of each point, from 1.
        frames: (P + 1, 4, 3) of each part, where its bone starts, its direction, the front and the side; [0] is unused.
        span: (P + 1, 2) least and greatest distance along the bone.
    """
    origin, along, front, side = (frames[part, k] for k in range(4))
    offset = point - origin
    u = np.arctan2((offset * side).sum(1), (offset * front).sum(1)) / (2 * np.pi) + 0.5
    low, high = span[part].T
    v = ((offset * along).sum(1) - low) / np.maximum(high - low, 1e-9)
    values = np.stack((part, np.rint(np.clip(u, 0, 1) * 255), np.rint(np.clip(v, 0, 1) * 255)), 1)
    return values.astype(np.uint8)


def bone_frame(head: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(4, 3): the axes around a bone that starts at `head` and points `along`, as surface_coordinates takes them."""
    along = along / np.linalg.norm(along)
    front = FRONT - along * (FRONT @ along)
    if np.linalg.norm(front) < 0.3:  # a bone that points forwards, such as a foot: its top is its front
        front = np.array([0.0, 0.0, 1.0]) - along * along[2]
    front = front / np.linalg.norm(front)
    return np.stack((head, along, front, np.cross(front, along)))


def spans(point: np.ndarray, part: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(P + 1, 2) least and greatest distance along the bone of the points (N, 3) of each part."""
    distance = ((point - frames[part, 0]) * frames[part, 1]).sum(1)
    span = np.zeros((len(frames), 2))
    span[:, 0], span[:, 1] = np.inf, -np.inf
    np.minimum.at(span[:, 0], part, distance)
    np.maximum.at(span[:, 1], part, distance)
    return np.where(np.isfinite(span), span, 0.0)
