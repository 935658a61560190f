"""What the release computes from a body model's mesh, for published checkpoints, which were trained on it.

Here IUV maps take the mesh's place (capture.nn.iuv). Somebody who has renderings of a body model such as SMPL makes the
flow and the boxes with these functions, and gives them to LiquidWarpingGenerator.render and GlobalLocalDiscriminator.
"""

from __future__ import annotations

import torch
from torch import Tensor

from capture.nn.iuv import INVALID

WIDENING = 1.2  # of the box around all joints
HEAD_JOINTS, HEAD_MARGIN = slice(12, 19), 0.05  # joints of the head, and a share of the picture's side


def mesh_flow(faces: Tensor, face_index: Tensor, weights: Tensor, source_index: Tensor | None = None) -> Tensor:
    """The correspondence flow of a rasterised mesh.

    Args:
        faces: (B, F, 3, 2), where the three vertices of each face lie in the source, x and y in [-1, 1].
        face_index: integers (B, S, S), the face in each pixel of the reference, -1 for the background.
        weights: (B, S, S, 3), barycentric weights in it.
        source_index: (B, S', S'), the face in each pixel of the source: vertices of a face that the source does not
            show lie at -2. None: a hidden face points at what hides it, as in the release's training.
    Returns:
        (B, S, S, 2), -2 where the reference is background.
    """
    if source_index is not None:
        shown = torch.zeros(faces.shape[0], faces.shape[1] + 1, dtype=torch.bool, device=faces.device)
        shown.scatter_(1, source_index.flatten(1).long() + 1, True)
        faces = torch.where(shown[:, 1:, None, None], faces, INVALID)
    index = face_index.flatten(1).long().clamp(min=0)  # (B, S * S)
    vertices = faces.flatten(2).gather(1, index[..., None].expand(-1, -1, 6)).unflatten(2, (3, 2))  # (B, S * S, 3, 2)
    flow = (vertices * weights.flatten(1, 2)[..., None]).sum(2).view(*face_index.shape, 2)  # (B, S, S, 2)
    return torch.where((face_index >= 0)[..., None], flow, INVALID)


def face_places(faces: Tensor) -> Tensor:
    """Where the release reads the conditional map for each face (B, F, 3, 2): the middle of its first edge."""
    return faces[:, :, :2].mean(2)  # (B, F, 2)


def body_box(joints: Tensor, size: int) -> Tensor:
    """The box of the figure in a picture of side `size`: all joints (B, J, 2) in [-1, 1], widened about its middle.

    Returns:
        int64 (B, 4): min_x, max_x, min_y, max_y, clipped to the picture.
    """
    pixels = (joints + 1) / 2 * size
    low, high = pixels.amin(1), pixels.amax(1)  # (B, 2)
    middle, half = (low + high) / 2, (high - low) / 2 * WIDENING
    return _box(middle - half, middle + half, size)


def head_box(joints: Tensor, size: int) -> Tensor:
    """The box of the head, as body_box's, from 19 joints (B, 19, 2)."""
    pixels, margin = (joints[:, HEAD_JOINTS] + 1) / 2 * size, HEAD_MARGIN * size
    low, high = pixels.amin(1) - margin, pixels.amax(1)
    return _box(low, high + high.new_tensor([margin, 0]), size)


def _box(low: Tensor, high: Tensor, size: int) -> Tensor:
    corners = torch.stack([low, high], dim=-1).clamp(0, size).long()  # (B, 2, 2)
    return corners.flatten(1)
