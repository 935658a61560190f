"""Weights of ONNX models in float16 and int8."""

import numpy as np
import pytest

from capture.inference.onnx.weights import quantise, store_weights

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


def small_model():
    """A convolution, a transposed one and a product, each with a weight of its own; the bias is small."""
    rng = np.random.default_rng(0)
    weights = {
        "conv": rng.normal(size=(16, 8, 3, 3)).astype(np.float32) * np.linspace(0.1, 9, 16)[:, None, None, None],
        "up": rng.normal(size=(16, 12, 4, 4)),
        "linear": rng.normal(size=(12, 100)),
        "bias": rng.normal(size=(16,)),
    }
    helper = onnx.helper
    nodes = [
        helper.make_node("Conv", ["x", "conv", "bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["a", "up"], ["b"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("MatMul", ["d", "linear"], ["y"]),
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


def run(model) -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(2, 8, 6, 6)).astype(np.float32)
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


class TestStoreWeights:
    @pytest.mark.parametrize(("precision", "size", "error"), [("fp16", 0.52, 2e-3), ("int8", 0.3, 0.03)])
    def test_the_file_is_smaller_and_the_result_nearly_the_same(self, precision, size, error):
        model, smaller = small_model(), small_model()
        store_weights(smaller, precision)
        assert len(smaller.SerializeToString()) < size * len(model.SerializeToString())
        expected, made = run(model), run(smaller)
        difference = np.abs(made - expected).max() / np.abs(expected).max()
        assert 0 < difference < error

    def test_fp32_changes_nothing(self):
        model = small_model()
        store_weights(model, "fp32")
        assert model == small_model()

    def test_small_weights_and_biases_stay_in_float32(self):
        model = small_model()
        store_weights(model, "int8")
        kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
        assert kinds["bias"] == onnx.TensorProto.FLOAT
        assert kinds["conv.stored"] == kinds["up.stored"] == kinds["linear.stored"] == onnx.TensorProto.INT8

    def test_a_weight_that_something_else_reads_stays(self):
        model = small_model()
        model.graph.node.append(onnx.helper.make_node("ReduceSum", ["linear"], ["unused"]))
        store_weights(model, "int8")
        names = {tensor.name for tensor in model.graph.initializer}
        assert "linear" in names and "conv.stored" in names


class TestQuantise:
    @pytest.mark.parametrize("axis", [0, 1])
    def test_the_error_is_half_a_step_of_each_channel(self, axis):
        values = np.random.default_rng(0).normal(size=(4, 5, 3, 3)) * np.arange(1, 5)[:, None, None, None]
        levels, scale = quantise(values.astype(np.float32), axis)
        assert levels.dtype == np.int8 and scale.shape == (values.shape[axis],)
        shape = [-1 if i == axis else 1 for i in range(4)]
        assert (np.abs(levels * scale.reshape(shape) - values) <= 0.501 * scale.reshape(shape)).all()

    def test_a_channel_of_zeros_stays_zero(self):
        levels, scale = quantise(np.zeros((2, 3), np.float32), 0)
        assert not levels.any() and (scale == 1).all()
