"""Rendering: ours in its ways against the release's, for single pictures, batches, and one character in many poses."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from capture.benchmarks.release import as_released
from capture.benchmarks.timing import as_the_system_has_it
from capture.benchmarks.turns import Run, Way
from capture.inference.transfer import PoseTransfer
from capture.methods.build import build_generator
from capture.methods.capture.generator import CaPTUReGenerator

RELEASE, ONNX, COMPILED, KNOWN = "release", "ONNX Runtime", "compiled", "identity known"
OPENVINO = "OpenVINO"
EAGER = ("fp32", "bf16")


def precision_of(words: list[str]) -> str:
    """The precision among the words of a way's name; fp32 where it has none."""
    return next((word for word in words if word in EAGER), "fp32")


class Rendering:
    """One generator with random weights, and random pictures, which are the same for all ways.

    Args:
        config: resolved.  batch: pictures of a call.
    """

    def __init__(self, config: dict[str, Any], device: torch.device, batch: int):
        torch.manual_seed(0)
        self.config, self.device, self.batch = config, device, batch
        self.generator = build_generator(config)
        size = config["dataset_config"]["image_size"]
        self.identity, self.pose = (torch.rand(batch, 3, size, size, device=device) * 2 - 1 for _ in range(2))

    def ways(self, names: list[str]) -> list[Way]:
        """Ways of names such as `release` and `bf16, compiled, identity known`."""
        return [self._way(name) for name in names]

    def _way(self, name: str) -> Way:
        if name == RELEASE:
            return Way(name, self._release)
        words = name.split(", ")
        known = KNOWN in words
        precision = precision_of(words)
        eager = partial(self._ours, known, precision)
        if COMPILED in words:
            return Way(name, partial(self._ours, known, precision, compiled=True), eager, precision)
        if ONNX in words:
            return Way(name, partial(self._exported, known), eager)
        if OPENVINO in words:
            return Way(name, partial(self._exported, known, precision, "openvino"), eager, precision)
        return Way(name, eager, precision=precision)

    def _release(self) -> Run:
        if not isinstance(self.generator, CaPTUReGenerator):
            raise NotImplementedError("the release has the published network only")
        released = as_released(copy.deepcopy(self.generator)).to(self.device).eval().requires_grad_(False)
        inputs = {"identity": self.identity, "pose": self.pose}
        return as_the_system_has_it(torch.no_grad()(lambda: released(inputs)), self.device)

    def _ours(self, known: bool, precision: str, compiled: bool = False) -> Run:
        generator = copy.deepcopy(self.generator)
        return self._call(PoseTransfer(generator, self.config, self.device, precision, compiled=compiled), known)

    def _exported(self, known: bool, precision: str = "fp32", runtime: str | None = None) -> Run:
        from capture.inference.onnx.export import export_onnx

        with tempfile.TemporaryDirectory(prefix="capture-benchmark-") as folder:
            path = Path(folder) / "model.onnx"
            export_onnx(path, self.generator, self.config)
            device = str(self.device) if runtime is None else "cpu"
            return self._call(PoseTransfer.load(path, device, precision, runtime=runtime), known)

    def _call(self, transfer: PoseTransfer, known: bool) -> Callable[[], Any]:
        if not known:
            return lambda: transfer.transfer(self.identity, self.pose)
        identity = transfer.encode_identity(self.identity)
        return lambda: transfer.decode(identity, transfer.encode_pose(self.pose))


def ways(config: dict[str, Any], device: torch.device, batch: int, names: list[str]) -> list[Way]:
    """Ways of rendering with the network of a configuration."""
    return Rendering(config, device, batch).ways(names)
