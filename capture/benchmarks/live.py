"""Live: one character, known, and pose after pose, each from a decoded frame to a picture of 8 bits a channel.

The weights are those in the box. Ours in every way is `PoseTransfer.drive` with one frame at a time, as a webcam gives
them.
"""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from capture.benchmarks.inference import COMPILED, EAGER, ONNX
from capture.benchmarks.turns import Run, Way
from capture.common.shipped import DEFAULT_WEIGHTS
from capture.inference.transfer import PoseTransfer
from capture.io.images import image_to_tensor


def ways(config: dict[str, Any], device: torch.device, batch: int, names: list[str]) -> list[Way]:
    """Ways of names such as `fp32`, `bf16, compiled` and `ONNX Runtime`; `batch` frames go together."""
    made = []
    for name in names:
        words = name.split(", ")
        precision = words[0] if words[0] in EAGER else "fp32"
        eager = partial(_drive, device, precision, batch)
        if ONNX in words:
            made.append(Way(name, partial(_drive_exported, device, batch), eager))
        elif COMPILED in words:
            made.append(Way(name, partial(_drive, device, precision, batch, True), eager, precision))
        else:
            made.append(Way(name, eager, precision=precision))
    return made


def _drive(device: torch.device, precision: str, batch: int, compiled: bool = False) -> Run:
    return _frames(PoseTransfer.load(DEFAULT_WEIGHTS, str(device), precision, compiled), batch)


def _drive_exported(device: torch.device, batch: int) -> Run:
    from capture.inference.onnx.export import export_onnx

    ours = PoseTransfer.load(DEFAULT_WEIGHTS, "cpu")
    with tempfile.TemporaryDirectory(prefix="capture-benchmark-") as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(path, ours.generator, ours.config)
        return _frames(PoseTransfer.load(path, str(device)), batch)


def _frames(transfer: PoseTransfer, batch: int) -> Run:
    """A call that renders the next `batch` frames."""
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (transfer.size, transfer.size, 3), np.uint8)) for _ in range(3)]
    poses = (image_to_tensor(picture) for picture in cycle(pictures))
    results = transfer.drive(image_to_tensor(pictures[0])[None], poses, batch_size=batch)
    return lambda: [next(results) for _ in range(batch)]
