"""Convolutions of ONNX models computed in 8-bit integers."""

import numpy as np
import pytest

from capture.inference.onnx.arithmetic import convolutions, quantise_arithmetic
from tests.helpers.onnx_models import run_small, small_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def feeds(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(2)
    return [{"x": rng.normal(size=(2, 8, 6, 6)).astype(np.float32)} for _ in range(count)]


def operators(model) -> list[str]:
    return [node.op_type for node in model.graph.node]


class TestQuantiseArithmetic:
    def test_the_convolution_has_8_bit_inputs_weights_and_outputs_and_nearly_the_same_result(self):
        model = quantise_arithmetic(small_model(), feeds(8), ())
        assert operators(model).count("QuantizeLinear") == 2  # what the convolution reads and what it makes
        kinds = {tensor.data_type for tensor in model.graph.initializer if tensor.dims == [16, 8, 3, 3]}
        assert kinds == {onnx.TensorProto.INT8}
        expected, made = run_small(small_model()), run_small(model)
        difference = np.abs(made - expected).max() / np.abs(expected).max()
        assert 0 < difference < 0.1

    def test_ranges_come_from_the_calibration_inputs(self):
        narrow = [{"x": 0.1 * batch["x"]} for batch in feeds(8)]
        expected = run_small(small_model())
        errors = [
            np.abs(run_small(quantise_arithmetic(small_model(), given, ())) - expected).max()
            for given in (feeds(8), narrow)
        ]
        assert errors[1] > 3 * errors[0]

    def test_layers_in_float_are_left_out(self):
        model = small_model()
        for node in model.graph.node:
            node.input[:] = ["generator.layout.conv.weight" if name == "conv" else name for name in node.input]
        model.graph.initializer[0].name = "generator.layout.conv.weight"
        assert convolutions(model, ()) == convolutions(model, ("lay",)) == ["first"]
        assert convolutions(model, ("layout",)) == []
        assert quantise_arithmetic(model, feeds(1), ("layout",)) == model
