"""Training states compared to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from capture.checkpoints.checkpoint import latest_path, load_checkpoint


def same(a: Any, b: Any) -> bool:
    """Whether two states hold the same, tensors to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def leaves(state: Any, path: str = "") -> dict[str, Any]:
    """Every value of nested dictionaries and lists by its path."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, list | tuple):
        items = enumerate(state)
    else:
        return {path: state}
    return {name: leaf for key, value in items for name, leaf in leaves(value, f"{path}/{key}").items()}


def assert_same_state(one: Path, other: Path) -> None:
    """The latest checkpoints of two result folders agree to the bit in everything but where the results are."""
    a, b = (leaves(load_checkpoint(latest_path(folder))) for folder in (one, other))
    assert a.keys() == b.keys()
    for name in a:
        assert name.startswith("/config/main_config/result_") or same(a[name], b[name]), name
