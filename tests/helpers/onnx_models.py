"""A small ONNX model for tests of what is done to exported ones."""

from __future__ import annotations

from typing import Any

import numpy as np


def small_model() -> Any:
    """A convolution, a transposed one and a product, each with a weight of its own; the bias is small.

    Its input is x, (batch, 8, 6, 6), and its output is y, (batch, 100).
    """
    import onnx

    rng = np.random.default_rng(0)
    weights = {
        "conv": rng.normal(size=(16, 8, 3, 3)).astype(np.float32) * np.linspace(0.1, 9, 16)[:, None, None, None],
        "up": rng.normal(size=(16, 12, 4, 4)),
        "linear": rng.normal(size=(12, 100)),
        "bias": rng.normal(size=(16,)),
    }
    helper = onnx.helper
    nodes = [
        helper.make_node("Conv", ["x", "conv", "bias"], ["a"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["a", "up"], ["b"], name="second", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"], name="third"),
        helper.make_node("Flatten", ["c"], ["d"], name="fourth"),
        helper.make_node("MatMul", ["d", "linear"], ["y"], name="fifth"),
    ]
    tensor = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", tensor, ["batch", 8, 6, 6])],
        [helper.make_tensor_value_info("y", tensor, ["batch", 100])],
        [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run_small(model: Any) -> np.ndarray:
    """What the model, or a changed one, makes of the same random input."""
    import onnx
    import onnxruntime

    x = np.random.default_rng(1).normal(size=(2, 8, 6, 6)).astype(np.float32)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]
