"""Convolutions computed in 8-bit integers, activations as well as weights, by onnxruntime.quantization.

Each activation is rounded to 256 levels of a range that is measured beforehand, on calibration pictures. Weights have
128 levels for each output channel: with 256, processors without instructions for sums of four 8-bit products would
overflow. All that is not a convolution stays in float32, and so do the convolutions that a generator names in
`float_layers`, whose results are coordinates.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from capture.inference.onnx.files import require
from capture.inference.onnx.steps import steps_of
from capture.methods.base import Generator

INT8_ARITHMETIC = "int8_arithmetic"  # the precision of such a file
BATCH = 4  # calibration pictures computed at a time

Feeds = list[dict[str, np.ndarray]]  # inputs by name, a dictionary for each batch


def calibration_feeds(network: Generator, identities: Tensor, poses: Tensor) -> dict[str, Feeds]:
    """What every part of a generator is given for calibration pictures, by the part's name.

    Args:
        network: on the CPU, in float32.  identities, poses: (N, 3, S, S) in [-1, 1].
    """
    feeds: dict[str, Feeds] = {}
    for start in range(0, len(identities), BATCH):
        inputs = {"identity": identities[start : start + BATCH], "pose": poses[start : start + BATCH]}
        noise = identities.new_zeros(len(inputs["identity"]), 2, network.noise_dim)
        for step, arguments in steps_of(network, inputs, noise):
            given = (tensor.detach().numpy() for tensor in arguments)
            feeds.setdefault(step.part, []).append(dict(zip(step.input_names, given)))
    return feeds


def quantise_arithmetic(model: Any, feeds: Feeds, float_layers: Sequence[str]) -> Any:
    """A model, onnx.ModelProto, whose convolutions are computed in 8-bit integers.

    Args:
        feeds: calibration inputs.  float_layers: see `convolutions`.
    """
    chosen = convolutions(model, float_layers)
    if not chosen:
        return model
    quantization = require("onnxruntime.quantization")
    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            logging.getLogger().setLevel(logging.ERROR)  # it recommends a step that was no better
            quantization.quantize_static(
                model,
                path,
                _Reader(feeds),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_quantize=chosen,
                per_channel=True,
                reduce_range=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
        finally:
            logging.getLogger().setLevel(level)
        return require("onnx").load(path)


def convolutions(model: Any, float_layers: Sequence[str]) -> list[str]:
    """Names of the convolutions whose weights are stored in the model.

    Args:
        float_layers: names of a generator's submodules, such as "layout", whose convolutions are left out.
    """
    prefixes = tuple(f"generator.{name}." for name in float_layers)
    stored = {tensor.name for tensor in model.graph.initializer}
    weights = {node.name: node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    return [name for name, weight in weights.items() if weight in stored and not weight.startswith(prefixes)]


class _Reader:
    """Feeds, as onnxruntime.quantization's calibration reads them."""

    def __init__(self, feeds: Feeds):
        self._feeds: Iterator[dict[str, np.ndarray]] = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)
