"""What the tests of coordinate inpainting share: small options, toon samples with maps, released files."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import Tensor

from capture.data.toon.dataset import ToonStream
from capture.io.images import normalise
from capture.methods.coord_inpainting.generator import CoordinateInpainting
from capture.methods.coord_inpainting.inpainter import Inpainter
from capture.methods.coord_inpainting.method import Method
from capture.methods.coord_inpainting.options import CoordInpaintingConfig, CoordInpaintingLosses
from capture.methods.coord_inpainting.refiner import Refiner

SIZE = 40
DEPARTURES = {
    "texture_size": 80,
    "separate_cells": True,
    "keep_known": True,
    "fill": True,
    "mask_source": False,
    "no_uv": 0.0,
    "known_to_refiner": True,
    "residual": True,
}


def tiny_options(loss_weights: dict | None = None, **changes) -> dict:
    """coord_inpainting_config with narrow networks and pixels for a perceptual loss."""
    losses = {**CoordInpaintingLosses().model_dump(), **(loss_weights or {})}
    small = {"inpainter_width": 4, "refiner_width": 4, "disc_width": 4, "perceptual_net": "none"}
    return {**CoordInpaintingConfig().model_dump(), **small, **changes, "loss_weights": losses}


def tiny_generator(size: int = SIZE, **changes) -> CoordinateInpainting:
    torch.manual_seed(0)
    generator = CoordinateInpainting(tiny_options(**changes), size)
    generator.check_size(size)
    return generator.eval()


def tiny_method(size: int = SIZE, loss_weights: dict | None = None, **changes) -> Method:
    torch.manual_seed(0)
    options = tiny_options(loss_weights, **changes)
    method = Method({"coord_inpainting_config": options, "dataset_config": {"image_size": size}})
    method.init_weights()
    return method


@functools.cache
def _samples(count: int, size: int) -> dict[str, Tensor]:
    return ToonStream(size, seed=3, uv=True).batch(range(count))


def toon_batch(count: int = 2, size: int = SIZE) -> dict[str, Tensor]:
    """A batch as the trainer hands it to a method: pictures in [-1, 1], maps uint8."""
    batch = _samples(count, size)
    return {
        name: normalise(value) if name in ("identity", "real", "pose", "target") else value.clone()
        for name, value in batch.items()
    }


def released_state(network: Inpainter | Refiner) -> dict[str, Tensor]:
    """The state dict under the names of the release's files."""
    state = network.state_dict()
    if isinstance(network, Refiner):
        renamed = {}
        for name, value in state.items():
            layer, _, entry = name.rpartition(".")
            renamed[f"{layer}.module.{entry.replace('weight_orig', 'weight_bar')}"] = value
        return renamed
    twins = {
        f"sequence.{k}.": f"gate{gate}."
        for k, gate in {**{i: i + 1 for i in range(12)}, 13: 13, 15: 14, 16: 15}.items()
    }
    for twin, gate in twins.items():
        state |= {twin + name.removeprefix(gate): value for name, value in state.items() if name.startswith(gate)}
    return state


def write_release(folder: Path, width: int = 4, legacy: bool = False) -> Path:
    """A folder with inpainter.pth and refiner.pth of narrow, untrained networks."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for network, name in ((Inpainter(width), "inpainter.pth"), (Refiner(width), "refiner.pth")):
        torch.save(released_state(network), folder / name, _use_new_zipfile_serialization=not legacy)
    return folder
