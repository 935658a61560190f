"""Supervised losses: a generated picture against its true target, the identity in the pose.

More than one method takes them. They are not in the room of a single method, because rooms do not import each other;
not in capture.methods.capture, because the paper has no true targets; and not in capture.nn, because they read a batch.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from capture.methods.base import Loss
from capture.nn.masked import masked_l1, masked_mean


def target_loss(image: Tensor, batch: dict[str, Tensor]) -> Loss:
    """L1 of a picture (B, 3, S, S) to its true target, over the samples that have one."""
    target = masked_l1(image, batch["target"], batch.get("has_target"))
    return target, {"G_target": target.detach()}


def target_perceptual_loss(
    image: Tensor, batch: dict[str, Tensor], distance: Callable[[Tensor, Tensor], Tensor]
) -> Loss:
    """The perceptual distance of a picture (B, 3, S, S) to its true target, over the samples that have one.

    Args:
        distance: (B, 3, S, S) twice -> (B,).
    """
    perceptual = masked_mean(distance(image, batch["target"]).float(), batch.get("has_target"))
    return perceptual, {"G_perceptual": perceptual.detach()}
