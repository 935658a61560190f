"""The supervised terms: the fusion against its true target."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from capture.methods.capture.losses import Loss
from capture.nn.masked import masked_l1, masked_mean


def target_loss(fusion: Tensor, batch: dict[str, Tensor]) -> Loss:
    """L1 of the fusion (B, 3, S, S) to its true target, over the samples that have one."""
    target = masked_l1(fusion, batch["target"], batch.get("has_target"))
    return target, {"G_target": target.detach()}


def target_perceptual_loss(
    fusion: Tensor, batch: dict[str, Tensor], distance: Callable[[Tensor, Tensor], Tensor]
) -> Loss:
    """A perceptual distance, (B, 3, S, S) twice -> (B,), of the fusion to its true target, where there is one."""
    perceptual = masked_mean(distance(fusion, batch["target"]).float(), batch.get("has_target"))
    return perceptual, {"G_perceptual": perceptual.detach()}
