"""Training steps: ours in its ways against the release's, on the same batch, which is on the device already."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.benchmarks.inference import COMPILED, RELEASE, precision_of
from capture.benchmarks.release import ReleaseTraining
from capture.benchmarks.timing import as_the_system_has_it
from capture.benchmarks.turns import Run, Way
from capture.data.open_data import Data
from capture.training.trainer import Trainer
from capture.training.utilisation import COUNTED

RECOMPUTED = "recomputed blocks"
ROLES = ("identity", "real", "pose", "target")


def ways(config: dict[str, Any], device: torch.device, batch: int, names: list[str]) -> list[Way]:
    """Updates of all networks of a method, of names such as `release`, `fp32` and `bf16, compiled`."""
    size = config["dataset_config"]["image_size"]
    rng = torch.Generator().manual_seed(0)
    pictures = {role: torch.rand(batch, 3, size, size, generator=rng).to(device) * 2 - 1 for role in ROLES}
    made = []
    for name in names:
        if name == RELEASE:
            made.append(Way(name, partial(_release, config, device, pictures)))
            continue
        words = name.split(", ")
        precision = precision_of(words)
        options = {"precision": precision, "compile": COMPILED in words, "recompute": RECOMPUTED in words}
        eager = {**options, "compile": False}
        counted = partial(_ours, config, pictures, eager) if eager != options else None
        made.append(Way(name, partial(_ours, config, pictures, options), counted, precision))
    return made


def _release(config: dict[str, Any], device: torch.device, pictures: dict[str, Tensor]) -> Run:
    if config["main_config"]["method"] != "capture":
        raise NotImplementedError("the release has the published network only")
    training = ReleaseTraining(config, device)
    return as_the_system_has_it(lambda: training.step(pictures), device)


def ours(
    config: dict[str, Any], pictures: dict[str, Tensor], options: dict[str, Any]
) -> tuple[Trainer, dict[str, Tensor]]:
    """A trainer that writes nothing, and a batch of all that its method may read.

    Args:
        pictures: ROLES, (B, 3, S, S) in [-1, 1] on the device.  options: keys of train_config.
    """
    trainer = _trainer(config, len(pictures["identity"]), options)
    batch = {role: value.contiguous(memory_format=torch.channels_last) for role, value in pictures.items()}
    if trainer.config["main_config"]["method"] == "capture":
        del batch["target"]  # which the published method does not have
        return trainer, batch
    known = torch.ones(len(batch["identity"]), dtype=torch.bool, device=batch["identity"].device)
    return trainer, {**batch, **_maps(pictures), "has_target": known}


def _ours(config: dict[str, Any], pictures: dict[str, Tensor], options: dict[str, Any]) -> Run:
    trainer, batch = ours(config, pictures, options)
    for _ in range(COUNTED if options["compile"] else COUNTED - 1):  # counted and not compiled; one step more warms up
        trainer.step(batch)
    return lambda: trainer.step(batch)


def _maps(pictures: dict[str, Tensor]) -> dict[str, Tensor]:
    """IUV maps of every role, uint8 (B, 3, S, S): parts in rows of squares, u and v by place."""
    blank = pictures["identity"]
    size = blank.shape[-1]
    place = torch.arange(size, device=blank.device)
    part = 1 + (place[:, None] * 5 // size) * 5 + place * 5 // size  # 1..25
    u = (place * 5 * 255 // size % 256).expand(size, size)
    one = torch.stack([part, u, u.T]).to(torch.uint8)
    return {f"{role}_uv": one.expand(len(blank), -1, -1, -1).contiguous() for role in pictures}


def _trainer(config: dict[str, Any], batch: int, options: dict[str, Any]) -> Trainer:
    """A trainer of its own, in a folder that is never written to."""
    config = {
        **config,
        "dataset_config": {**config["dataset_config"], "batch_size": batch},
        "train_config": {**config["train_config"], **options},
    }
    nothing = Data(train=None, description="", _test=lambda count: {})
    return Trainer(config, nothing, Path(tempfile.gettempdir()) / "no-such-result")
