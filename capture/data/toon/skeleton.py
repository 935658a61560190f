"""The joints every character shares, and batched forward kinematics.

Axes: y up, z the way the character faces, x to the character's left (the right of the picture in a front view).
In the rest pose the character stands, arms and legs straight down, so a bone's local -y runs along the limb.
"""

from __future__ import annotations

import torch
from torch import Tensor

from capture.data.toon import exact

# name, parent (index), in topological order
_TREE: tuple[tuple[str, int], ...] = (
    ("pelvis", -1),
    ("spine", 0),
    ("chest", 1),
    ("neck", 2),
    ("head", 3),
    ("head_top", 4),
    ("l_shoulder", 2),
    ("l_elbow", 6),
    ("l_wrist", 7),
    ("l_hand", 8),
    ("r_shoulder", 2),
    ("r_elbow", 10),
    ("r_wrist", 11),
    ("r_hand", 12),
    ("l_hip", 0),
    ("l_knee", 14),
    ("l_ankle", 15),
    ("l_toe", 16),
    ("r_hip", 0),
    ("r_knee", 18),
    ("r_ankle", 19),
    ("r_toe", 20),
)
JOINTS: tuple[str, ...] = tuple(name for name, _ in _TREE)
PARENTS: tuple[int, ...] = tuple(parent for _, parent in _TREE)
INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}


def _levels() -> list[list[int]]:
    """Joint indices by depth in the tree: one batched product per depth instead of one per joint."""
    depth = [0] * len(PARENTS)
    for joint, parent in enumerate(PARENTS):
        depth[joint] = 0 if parent < 0 else depth[parent] + 1
    return [[j for j, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]


_LEVELS = _levels()


def rotation(axis: str, degrees: Tensor) -> Tensor:
    """Right-handed rotations about one axis: degrees (...) -> matrices (..., 3, 3)."""
    angle = torch.deg2rad(degrees)
    c, s = exact.cos(angle), exact.sin(angle)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    rows = {
        "x": (one, zero, zero, zero, c, -s, zero, s, c),
        "y": (c, zero, s, zero, one, zero, -s, zero, c),
        "z": (c, -s, zero, s, c, zero, zero, zero, one),
    }[axis]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def matmul3(a: Tensor, b: Tensor) -> Tensor:
    """(..., 3, 3) @ (..., 3, K) written out: the same bits for any batch size or thread count, unlike a BLAS call."""
    return (a[..., :, 0:1] * b[..., 0:1, :] + a[..., :, 1:2] * b[..., 1:2, :]) + a[..., :, 2:3] * b[..., 2:3, :]


def apply3(matrix: Tensor, vector: Tensor) -> Tensor:
    """(..., 3, 3) applied to (..., 3)."""
    return matmul3(matrix, vector.unsqueeze(-1)).squeeze(-1)


def dot3(a: Tensor, b: Tensor) -> Tensor:
    """(..., 3) . (..., 3) in a fixed order of summation."""
    return (a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]) + a[..., 2] * b[..., 2]


def cross3(a: Tensor, b: Tensor) -> Tensor:
    """(..., 3) x (..., 3)."""
    (ax, ay, az), (bx, by, bz) = a.unbind(-1), b.unbind(-1)
    return torch.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), -1)


def unit3(a: Tensor) -> Tensor:
    """(..., 3) scaled to length 1."""
    return a / exact.sqrt(dot3(a, a)).clamp(min=1e-8).unsqueeze(-1)


def forward_kinematics(rotations: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Joint positions and orientations with the pelvis at the origin.

    Args:
        rotations: (B, J, 3, 3) rotation of each joint in its parent's frame.
        offsets: (B, J, 3) rest position of each joint in its parent's frame, in the character's own units.

    Returns:
        positions (B, J, 3) and orientations (B, J, 3, 3).
    """
    batch, device = rotations.shape[0], rotations.device
    positions = torch.zeros(batch, len(JOINTS), 3, device=device)
    orientations = torch.empty(batch, len(JOINTS), 3, 3, device=device)
    orientations[:, 0] = rotations[:, 0]
    for level in _LEVELS[1:]:
        parents = [PARENTS[j] for j in level]
        up = orientations[:, parents]  # (B, K, 3, 3)
        positions[:, level] = positions[:, parents] + apply3(up, offsets[:, level])
        orientations[:, level] = matmul3(up, rotations[:, level])
    return positions, orientations
