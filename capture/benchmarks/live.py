"""Live: one character, known, and pose after pose, each from a decoded frame to a picture of 8 bits a channel.

The weights are those in the box. Ours in every way is `PoseTransfer.drive` with one frame at a time, as a webcam gives
them; with OpenVINO some frames are in work at the same time, one on each core. So what is timed is a clip of FRAMES.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from capture.benchmarks.inference import COMPILED, ONNX, OPENVINO, precision_of
from capture.benchmarks.turns import Run, Way
from capture.common.shipped import DEFAULT_WEIGHTS
from capture.inference.transfer import PoseTransfer
from capture.io.images import normalise

FRAMES = 8  # batches of a timed call


def ways(config: dict[str, Any], device: torch.device, batch: int, names: list[str]) -> list[Way]:
    """Ways of names such as `fp32`, `bf16, compiled` and `OpenVINO, bf16`; `batch` frames go together."""
    made = []
    for name in names:
        words = name.split(", ")
        precision = precision_of(words)
        eager = partial(_drive, device, precision, batch)
        if ONNX in words:
            made.append(Way(name, partial(_drive_exported, device, batch), eager, calls=FRAMES))
        elif OPENVINO in words:
            run = partial(_drive, torch.device("cpu"), precision, batch, runtime="openvino")
            made.append(Way(name, run, eager, precision, FRAMES))
        elif COMPILED in words:
            made.append(Way(name, partial(_drive, device, precision, batch, True), eager, precision, FRAMES))
        else:
            made.append(Way(name, eager, precision=precision, calls=FRAMES))
    return made


def _drive(device: torch.device, precision: str, batch: int, compiled: bool = False, runtime: str | None = None) -> Run:
    return _frames(PoseTransfer.load(DEFAULT_WEIGHTS, str(device), precision, compiled, runtime), batch)


def _drive_exported(device: torch.device, batch: int) -> Run:
    from capture.inference.onnx.export import export_onnx

    ours = PoseTransfer.load(DEFAULT_WEIGHTS, "cpu")
    with tempfile.TemporaryDirectory(prefix="capture-benchmark-") as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(path, ours.generator, ours.config)
        return _frames(PoseTransfer.load(path, str(device)), batch)


def _frames(transfer: PoseTransfer, batch: int) -> Run:
    """A call that renders a clip of FRAMES batches."""
    rng = torch.Generator().manual_seed(0)
    poses = torch.randint(0, 256, (FRAMES * batch, 3, transfer.size, transfer.size), generator=rng).byte()
    return clip(transfer, poses[0], poses, batch)


def clip(transfer: PoseTransfer, identity: torch.Tensor, poses: torch.Tensor, batch: int) -> Run:
    """A call that renders a known identity, uint8 (3, S, S), in poses, uint8 (N, 3, S, S)."""
    known = transfer.encode_identity(normalise(identity[None]))
    return lambda: list(transfer.drive([known], poses, batch))
