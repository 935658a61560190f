"""The weights of an ONNX model stored in float16, or in int8 with a scale for each output channel.

The arithmetic stays in float32, since the coordinates of body parts and of warps need it: a node before each weight
makes float32 of it, which ONNX Runtime does once, when it loads the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from capture.inference.onnx.files import require

PRECISIONS = ("fp32", "fp16", "int8")
SMALLEST = 1024  # values; smaller weights stay in float32
# operator -> which of its inputs is the weight, and the axis of its output channels
OUTPUT_AXIS = {"Conv": (1, 0), "ConvTranspose": (1, 1), "Gemm": (1, None), "MatMul": (1, 1)}


def store_weights(model: Any, precision: str) -> None:
    """Change the weights of an onnx.ModelProto in place.

    Args:
        precision: one of PRECISIONS; fp32 changes nothing.
    """
    if precision == "fp32":
        return
    onnx = require("onnx")
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for name, axis in _weights(model).items():
        tensor = initializers.get(name)
        if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if values.size < SMALLEST or values.ndim < 2:
            continue
        stored = f"{name}.stored"
        if precision == "fp16":
            tensors = [(stored, values.astype(np.float16))]
            nodes.append(onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
        else:
            levels, scale = quantise(values, axis)
            tensors = [(stored, levels), (f"{name}.scale", scale)]
            nodes.append(onnx.helper.make_node("DequantizeLinear", [t for t, _ in tensors], [name], axis=axis))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.extend(onnx.numpy_helper.from_array(array, label) for label, array in tensors)
    for node in reversed(nodes):  # before whatever reads them
        model.graph.node.insert(0, node)


def quantise(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """int8 levels and the float32 scale of each channel along `axis`: values ~ levels * scale, symmetric around 0."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.abs(values).max(axis=others) / 127  # (channels,)
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    levels = np.clip(np.rint(values / scale.reshape(shape)), -127, 127).astype(np.int8)
    return levels, scale


def _weights(model: Any) -> dict[str, int]:
    """Weight -> the axis of its output channels, for weights that have one meaning only."""
    found: dict[str, set[int]] = {}
    for node in model.graph.node:
        index, axis = OUTPUT_AXIS.get(node.op_type, (-1, None))
        for i, name in enumerate(node.input):
            if i != index:
                found.setdefault(name, set()).add(-1)  # something else reads it, too
            elif node.op_type == "Gemm":
                transposed = any(a.name == "transB" and a.i for a in node.attribute)
                found.setdefault(name, set()).add(0 if transposed else 1)
            else:
                found.setdefault(name, set()).add(-1 if axis is None else axis)
    return {name: axes.pop() for name, axes in found.items() if len(axes) == 1 and -1 not in axes}
