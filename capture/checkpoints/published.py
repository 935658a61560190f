"""Checkpoints that the authors of methods have released: reading them, and loading them by parameter names.

Such a checkpoint holds a state dict for each network, by the authors' names, beside optimisers and counters, or one
state dict of several networks, whose names begin with the network's.
"""

from __future__ import annotations

import pickle
from pathlib import Path

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
    check_archive(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such checkpoint") from None
    except Exception as error:  # a damaged or hostile file can raise any error
        why = " ".join(str(error).split())[:80] or type(error).__name__
        if isinstance(error, pickle.UnpicklingError) and ("GLOBAL" in why or "Weights only" in why):
            why = "it holds objects that would run code when loaded"
        raise CaptureError(f"{path}: not a checkpoint that can be read ({why}); get it again") from None
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
        own = network.state_dict()
        wrong = [key for key in own if key not in given or given[key].shape != own[key].shape]
        wrong += [key for key in given if key not in own]
        if wrong:
            first = f"{name}.{wrong[0]} is {_shape(given, wrong[0])} there and {_shape(own, wrong[0])} here"
            raise CaptureError(
                f"{path}: made for another configuration: {first} ({len(wrong)} parameters differ); "
                "put the configuration that it was trained with, as 0config.yaml, beside it"
            )
        cleaned[name] = given
    for name, network in networks.items():
        network.load_state_dict(cleaned[name])


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
