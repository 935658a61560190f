"""For every seen pixel: the point on its solid, the normal, the surface coordinates (u, v)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from capture.data.toon import exact
from capture.data.toon.characters.solids import BOX, QUADRIC, ROUND
from capture.data.toon.skeleton import apply3, unit3


@dataclass
class Surface:
    """Seen pixels, (F,) each."""

    normal: Tensor  # (F, 3) unit, x right, y down, z towards the viewer
    u: Tensor  # 0..1 around the solid's axis; 0.5 in front, the seam behind
    v: Tensor  # 0..1 along it
    inside: Tensor  # bool: the far side of an open shell
    fx: Tensor  # picture coordinates on the front: -1..1 across
    fy: Tensor  # ... and upwards
    ahead: Tensor  # bool: on the front half


def surface(point: Tensor, inverse: Tensor, kind: Tensor, shape: Tensor, front: Tensor) -> Surface:
    """Surface of solids at `point` (F, 3), given in the solids' own frames, with their inverse matrices (F, 3, 3)."""
    x, y, z = point.unbind(-1)
    is_round, is_box, is_quadric = kind == ROUND, kind == BOX, kind == QUADRIC
    k0, k1, k2 = shape[:, 0], shape[:, 1], shape[:, 2]
    # rounded cone: the normal points away from the nearest centre on the axis
    slope = k1 - k2
    along = ((k0 * y - slope * k1) / (k0 * k0 - slope * slope).clamp(min=1e-9)).clamp(0, 1)
    ny = torch.where(is_round, y - k0 * along, torch.where(is_box, y * y * y, k0 * y + 0.5 * k1))
    nx, nz = torch.where(is_box, x * x * x, x), torch.where(is_box, z * z * z, z)
    normal = unit3(apply3(inverse.transpose(-1, -2), torch.stack((nx, ny, nz), -1)))
    inside = normal[:, 2] < 0
    normal = torch.where(inside.unsqueeze(-1), -normal, normal)
    u = exact.atan2(x, z) / (2 * torch.pi) + 0.5
    is_cone = is_quadric & (k0 != 1)
    v = torch.where(is_round, (y + k1) / (k0 + k1 + k2), torch.where(is_cone, y, (y + 1) / 2)).clamp(0, 1)
    return Surface(normal, u, v, inside & is_quadric, x * front[:, 0], (y - front[:, 1]) * front[:, 2], z > 0)
