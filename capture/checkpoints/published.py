"""Checkpoints that the authors of methods have released: reading them, and loading them by parameter names.

Such a checkpoint holds a state dict for each network, by the authors' names, beside optimisers and counters, or one
state dict of several networks, whose names begin with the network's.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capture.checkpoints.validate import check_archive, check_weights
from capture.common.errors import CaptureError

State = dict[str, dict[str, Tensor]]


def read_published(path: str | Path) -> State:
    """The state dicts of a published checkpoint, by the network's name, without optimisers and counters.

    Raises:
        CaptureError: missing, damaged, or holding anything but tensors and plain values.
    """
    state = read_torch_file(path)
    if _is_state_dict(state):
        state = _by_network(state)
    entries = state.items() if isinstance(state, dict) else ()
    networks = {str(name)[:100]: value for name, value in entries if _is_state_dict(value)}
    for name, weights in networks.items():
        check_weights(weights, path, name)
    if not networks:
        raise CaptureError(f"{path}: not a published checkpoint (no network's weights are in it); get it again")
    return networks


def load_networks(state: State, networks: dict[str, nn.Module], path: str | Path) -> None:
    """Load the weights of all `networks`, by their names in `state`. After an error none is changed.

    Raises:
        CaptureError: a network or a parameter is missing, of another shape, or unknown.
    """
    for name in networks:
        if name not in state:
            raise CaptureError(f"{path}: holds {', '.join(state)} and no {name}; give a checkpoint of the right method")
    cleaned = {}
    for name, network in networks.items():
        given = {key.removeprefix("module."): value for key, value in state[name].items()}
        advice = "put the configuration that it was trained with, as 0config.yaml, beside it"
        check_parameters(given, network, path, advice, prefix=f"{name}.")
        cleaned[name] = given
    for name, network in networks.items():
        network.load_state_dict(cleaned[name])


def read_torch_file(path: str | Path, missing: str = "no such checkpoint") -> Any:
    """What a torch file holds, a zip archive or of the form before torch 1.6; nothing in it is executed.

    Args:
        missing: what the error says of a file that is not there.
    Raises:
        CaptureError: missing, damaged, or holding anything but tensors and plain values.
    """
    check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CaptureError(f"{path}: {missing}") from None
    except Exception as error:  # a damaged or hostile file can raise any error
        why = brief(error)
        if isinstance(error, pickle.UnpicklingError) and ("GLOBAL" in why or "Weights only" in why):
            why = "it holds objects that would run code when loaded"
        raise CaptureError(f"{path}: not a checkpoint that can be read ({why}); get it again") from None


def check_parameters(
    weights: dict[str, Tensor], network: nn.Module, path: str | Path, advice: str, prefix: str = ""
) -> None:
    """Refuse weights whose names or shapes are not those of a network.

    Args:
        advice: what the error says to do.  prefix: goes before the parameter's name in the error.
    Raises:
        CaptureError: names the first parameter that differs, with both shapes.
    """
    own = network.state_dict()
    wrong = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    wrong += [name for name in weights if name not in own]
    if wrong:
        there, here = (_shape(state, wrong[0]) for state in (weights, own))
        raise CaptureError(
            f"{path}: made for another configuration: {prefix}{wrong[0][:80]} is {there} there and {here} here "
            f"({len(wrong)} parameters differ); {advice}"
        )


def brief(error: Exception) -> str:
    """An error's message on one line, at most 80 characters of it; its type where it has no message."""
    return " ".join(str(error).split())[:80] or type(error).__name__


def _by_network(weights: dict[str, Tensor]) -> State:
    """A flat state dict by the networks that its names begin with, without DataParallel's `module.`."""
    networks: State = {}
    for name, value in weights.items():
        network, _, parameter = str(name).removeprefix("module.").partition(".")
        networks.setdefault(network, {})[parameter] = value
    return networks


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


def _shape(weights: dict[str, Tensor], name: str) -> str:
    return "x".join(map(str, weights[name].shape)) or "a number" if name in weights else "missing"
