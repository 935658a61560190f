"""Learning rates over a run."""

from __future__ import annotations

from typing import Any


def rate_factor(step: int, steps_per_epoch: int, total_steps: int, schedule: dict[str, Any]) -> float:
    """The factor by which the configured learning rates are multiplied at a step.

    Args:
        step: number of updates so far.
        schedule: train_config.lr_schedule. The factor rises from 0 to 1 during `warmup_steps` updates, is divided by
            ten after each of `drop_epochs` (-1: never), and falls linearly to 0 during the last `decay_epochs` epochs
            (0: never), or during all of a shorter run.
    """
    decay_steps = min(schedule["decay_epochs"] * steps_per_epoch, total_steps)
    factor = min(1.0, (total_steps - step) / decay_steps) if decay_steps else 1.0
    factor *= min(1.0, (step + 1) / max(schedule["warmup_steps"], 1))
    return factor * 0.1 ** sum(0 <= epoch <= step // steps_per_epoch for epoch in schedule["drop_epochs"])
