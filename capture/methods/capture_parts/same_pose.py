"""Samples in which nothing has to move: the identity's picture is the true target itself.

The networks mostly train with figures that move a lot. Where a figure is in the right pose already, as in the first
frames of a video, they then draw it anew in place of copying it, and cut off its hat.
"""

from __future__ import annotations

import torch
from torch import Tensor

from capture.io.iuv import MAPS
from capture.io.roles import IDENTITY

TARGET = "target"


def with_same_pose(batch: dict[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    """A batch in which the first identity picture of the chosen samples, and its map, are those of the target.

    Args:
        batch: by role, with `target`, perhaps `target_uv`, and perhaps has_target (B,): samples without a target stay.
        chosen: bool (B,).
    """
    if "has_target" in batch:
        chosen = chosen & batch["has_target"].bool()
    chosen = chosen[:, None, None, None]
    keys = [end for end in ("", MAPS) if TARGET + end in batch and IDENTITY + end in batch]
    return batch | {IDENTITY + end: torch.where(chosen, batch[TARGET + end], batch[IDENTITY + end]) for end in keys}
