"""What drives FOMM and MRAA in training, and what has to come out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Need


def driving_and_truth(batch: dict[str, Tensor], options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Two pictures for each sample, (B, 3, S, S) in [-1, 1] each.

    As published both are y, another frame of x's character. With `true_targets` another character's pose drives, as it
    will when people use the method, and x in that pose has to come out; samples without a target go as published.

    Args:
        options: baseline_config.
    """
    y = batch["real"]
    if not options["true_targets"] or "target" not in batch:
        return y, y
    known = batch["has_target"][:, None, None, None]
    return torch.where(known, batch["pose"], y), torch.where(known, batch["target"], y)


def target_need(config: dict[str, Any]) -> Need | None:
    """The target, where the configuration says that it is learnt from."""
    if not config["baseline_config"]["true_targets"]:
        return None
    return Need(
        "target",
        "baseline_config.true_targets: this data has none; what prepare.py draws has, and toon (or false)",
    )
