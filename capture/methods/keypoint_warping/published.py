"""Checkpoints of the authors' own releases, loaded by their parameters' names, without executing anything from them.

FOMM's hold generator, kp_detector and discriminator; MRAA's generator, region_predictor, bg_predictor and avd_network;
both beside optimisers and an epoch, which are left alone.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from capture.checkpoints.validate import check_archive, check_weights
from capture.common.errors import CaptureError
from capture.methods.fomm.discriminator import MultiScaleDiscriminator
from capture.methods.fomm.network import Fomm
from capture.methods.mraa.avd import AvdNetwork
from capture.methods.mraa.network import Mraa

State = dict[str, dict[str, Tensor]]


def load_fomm(path: str | Path, network: Fomm, discriminator: MultiScaleDiscriminator | None = None) -> None:
    """Load a checkpoint of the First Order Motion Model's release.

    Args:
        discriminator: loaded too, where the checkpoint has one.
    Raises:
        CaptureError: no such checkpoint, a damaged or hostile one, or one for another configuration.
    """
    state = read_published(path)
    parts = {"generator": network.generator, "kp_detector": network.kp_detector}
    _load(state, parts, path)
    if discriminator is not None and "discriminator" in state:
        _load(state, {"discriminator": discriminator}, path)


def load_mraa(path: str | Path, network: Mraa, avd_network: AvdNetwork | None = None) -> None:
    """Load a checkpoint of the articulated-animation release.

    Args:
        avd_network: loaded too (else the network's own, if it has one), where the checkpoint has one.
    Raises:
        CaptureError: as load_fomm; and where mode "avd" is configured and the checkpoint knows nothing of it.
    """
    state = read_published(path)
    parts: dict[str, nn.Module] = {"generator": network.generator, "region_predictor": network.region_predictor}
    if network.bg_predictor.entries:
        parts["bg_predictor"] = network.bg_predictor
    avd_network = avd_network or network.avd_network
    if avd_network is not None and ("avd_network" in state or network.mode == "avd"):
        parts["avd_network"] = avd_network
    _load(state, parts, path)


def read_published(path: str | Path) -> State:
    """The state dicts of a published checkpoint, by network; optimisers and counters are dropped.

    Raises:
        CaptureError: missing, damaged, or holding anything but tensors and plain values.
    """
    check_archive(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such checkpoint") from None
    except Exception as error:  # whatever a damaged or hostile file provokes
        why = " ".join(str(error).split())[:80] or type(error).__name__
        if isinstance(error, pickle.UnpicklingError) and ("GLOBAL" in why or "Weights only" in why):
            why = "it holds objects that would run code when loaded"
        raise CaptureError(f"{path}: not a checkpoint that can be read ({why}); get it again") from None
    entries = state.items() if isinstance(state, dict) else ()
    networks = {name: value for name, value in entries if _is_state_dict(value)}
    for name, weights in networks.items():
        check_weights(weights, path, str(name))
    if "generator" not in networks:
        raise CaptureError(f"{path}: not a published checkpoint of FOMM or MRAA (no generator in it)")
    return networks


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


def _load(state: State, parts: dict[str, nn.Module], path: str | Path) -> None:
    """All of `parts` or none."""
    for name in parts:
        if name not in state:
            raise CaptureError(f"{path}: holds {', '.join(state)} and no {name}; give a checkpoint of the right method")
    cleaned = {}
    for name, network in parts.items():
        given = {key.removeprefix("module."): value for key, value in state[name].items()}
        own = network.state_dict()
        wrong = [key for key in own if key not in given or given[key].shape != own[key].shape]
        wrong += [key for key in given if key not in own]
        if wrong:
            first = f"{name}.{wrong[0]} is {_shape(given, wrong[0])} there and {_shape(own, wrong[0])} here"
            raise CaptureError(
                f"{path}: made for another configuration: {first} ({len(wrong)} parameters differ); "
                "set baseline_config to the one that it was trained with"
            )
        cleaned[name] = given
    for name, network in parts.items():
        network.load_state_dict(cleaned[name])


def _shape(weights: dict[str, Tensor], name: str) -> str:
    return "x".join(map(str, weights[name].shape)) or "a number" if name in weights else "missing"
