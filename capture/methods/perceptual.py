"""The perceptual losses that a configuration names, for the methods that train with one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from torch import Tensor

from capture.baselines.perceptual import PerceptualLoss, check_choice, check_scales
from capture.errors import CaptureError
from capture.metrics.lpips import Perceptual
from capture.metrics.weights import WeightsMissing


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


def lpips_loss(losses: dict[str, Any]) -> Callable[[Tensor, Tensor], Tensor] | None:
    """CaPTURe's: LPIPS by `perceptual_net` between pictures (B, 3, S, S) in [-1, 1] -> (B,); None without a weight.

    Raises:
        CaptureError: its weights can't be had.
    """
    if not losses["gen_perceptualLoss_weight"]:
        return None
    net = losses["perceptual_net"]
    folder = losses["perceptual_path"] or os.environ.get("CAPTURE_WEIGHTS") or None
    try:
        model = Perceptual.load(net, folder)
    except WeightsMissing as missing:
        raise CaptureError(f"perceptual_net {net}: {missing}; or set gen_perceptualLoss_weight to 0") from None

    def distance(picture: Tensor, target: Tensor) -> Tensor:
        return model.to(picture.device).differentiable(picture, target)

    return distance
