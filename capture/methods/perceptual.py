"""The perceptual loss that a configuration names, for the methods that train with one."""

from __future__ import annotations

from typing import Any

from capture.baselines.perceptual import PerceptualLoss, check_choice, check_scales


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
