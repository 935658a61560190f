"""Taking up an optimiser's state from a file: only where it is the state of these parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from capture.archive import check_weights
from capture.errors import CaptureError


def restore_optimiser(optimiser: torch.optim.Optimizer, state: Any, source: str | Path) -> None:
    """Load `state` into an Adam of the same parameters; fused kernels check neither shapes nor types.

    Raises:
        CaptureError: it is another one's, or damaged.
    """
    own = optimiser.state_dict()
    try:
        groups, moments = state["param_groups"], state["state"]
        same = [group["params"] for group in groups] == [group["params"] for group in own["param_groups"]]
        options = [{k: v for k, v in group.items() if k != "params"} for group in groups]
        known = [{k: v for k, v in group.items() if k != "params"} for group in own["param_groups"]]
        same = same and [_kinds(one) for one in options] == [_kinds(one) for one in known]
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        same = same and set(moments) <= set(range(len(parameters)))
        for number, values in moments.items() if same else ():
            check_weights(values, source, "optimiser")
            shape = parameters[number].shape
            same = same and set(values) == {"step", "exp_avg", "exp_avg_sq"} and values["step"].numel() == 1
            same = same and values["exp_avg"].shape == values["exp_avg_sq"].shape == shape
    except (KeyError, TypeError, AttributeError, IndexError):
        same = False
    if not same:
        raise CaptureError(f"{source}: damaged: its optimiser is not of these networks; use an earlier checkpoint")
    optimiser.load_state_dict(state)


def _kinds(group: dict[str, Any]) -> dict[str, Any]:
    """Types of a group's options; numbers of any kind are alike."""
    return {key: _kind(value) for key, value in group.items()}


def _kind(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_kind(one) for one in value]
    return float if type(value) in (int, float) else type(value)
