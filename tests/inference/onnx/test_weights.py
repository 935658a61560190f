"""Weights of ONNX models in float16 and int8."""

import numpy as np
import pytest

from capture.inference.onnx.weights import quantise, store_weights
from tests.helpers.onnx_models import run_small, small_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


class TestStoreWeights:
    @pytest.mark.parametrize(("precision", "size", "error"), [("fp16", 0.52, 2e-3), ("int8", 0.31, 0.03)])
    def test_the_file_is_smaller_and_the_result_nearly_the_same(self, precision, size, error):
        model, smaller = small_model(), small_model()
        store_weights(smaller, precision)
        assert len(smaller.SerializeToString()) < size * len(model.SerializeToString())
        expected, made = run_small(model), run_small(smaller)
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
