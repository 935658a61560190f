"""The perceptual losses that a configuration names, for the methods that train with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.pretrained import WeightsMissing, weights_folder
from capture.metrics.lpips import Perceptual
from capture.nn.perceptual import PerceptualLoss, check_choice, check_scales


def perceptual_loss(config: dict[str, Any]) -> PerceptualLoss:
    """Of `baseline_config`: its network, weights for each layer, and scales.

    Raises:
        CaptureError: the network's weights can't be had.
        ValueError: the keys don't fit each other or the pictures.
    """
    options = config["baseline_config"]
    check_choice(options["perceptual"], options["perceptual_weights"])
    check_scales(options["perceptual"], options["scales"], config["dataset_config"]["image_size"])
    folder = options["perceptual_path"] or None
    return PerceptualLoss.load(options["perceptual"], options["perceptual_weights"], options["scales"], folder)


def lpips_loss(losses: dict[str, Any]) -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
    """CaPTURe's: LPIPS by `perceptual_net`; None without a weight.

    Returns:
        (picture, target, offset) -> (B,), of (B, 3, S, S) in [-1, 1], both shifted by so many pixels (2,).

    Raises:
        CaptureError: its weights can't be had.
    """
    if not losses["gen_perceptualLoss_weight"]:
        return None
    net = losses["perceptual_net"]
    try:
        model = Perceptual.load(net, weights_folder(losses["perceptual_net_path"]))
    except WeightsMissing as missing:
        raise CaptureError(f"perceptual_net {net}: {missing}; or set gen_perceptualLoss_weight to 0") from None

    def distance(picture: Tensor, target: Tensor, offset: Tensor) -> Tensor:
        both = shifted(torch.cat([picture, target]), offset)
        return model.to(picture.device).differentiable(*both.chunk(2))

    return distance


def shifted(pictures: Tensor, offset: Tensor) -> Tensor:
    """(B, 3, S, S) moved up and left by `offset` (2,) pixels, what leaves coming in again on the other side.

    A network's strides leave a pattern in pictures that always lie on the same grid.
    """
    side = torch.arange(pictures.shape[-1], device=pictures.device)
    rows, columns = ((side + shift) % len(side) for shift in offset)
    return pictures.index_select(2, rows).index_select(3, columns)
