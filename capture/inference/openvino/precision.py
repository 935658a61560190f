"""Coordinates in float32 where the rest of a model is computed in bfloat16.

Torch's own rendering in bfloat16 computes where pixels come from in float32, since 8 bits round positions to other
pixels. OpenVINO has an attribute for such operations, which its Python package can write into a model's file only. An
operation that OpenVINO replaces loses the attribute, so what it replaces in any model is replaced before.
"""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np

from capture.inference.openvino.models import openvino

SAMPLING = "GridSample"  # of a picture, at the positions of its second input
ENDS = {"Convolution", "ConvolutionBackpropData", "Parameter", "Constant"}  # what they compute may be in bfloat16
IN_FLOAT32 = {"name": "precise", "version": "0"}  # ov::DisablePrecisionConversion


def keep_coordinates(core: Any, model: Any) -> Any:
    """The same openvino.Model, in which all that positions are computed from, since the last convolution, is float32.

    Args:
        core: openvino.Core.
    """
    from openvino._offline_transformations import apply_moc_transformations

    model = model.clone()
    apply_moc_transformations(model, cf=True)  # a transposition before a matrix product becomes part of the product
    for number, op in enumerate(model.get_ordered_ops()):  # joined models have names twice, and files rename those
        op.set_friendly_name(f"{number} {op.get_friendly_name()}")
    names = _of_coordinates(model)
    if not names:
        return model
    _keep_biases_apart(model, names)
    with tempfile.TemporaryDirectory(prefix="capture-openvino-") as folder:
        path = Path(folder) / "model.xml"
        openvino().save_model(model, path, compress_to_fp16=False)
        tree = ET.parse(path)  # just written by OpenVINO
        for layer in tree.getroot().iter("layer"):
            if layer.get("name") in names:
                about = layer.find("rt_info")
                ET.SubElement(ET.SubElement(layer, "rt_info") if about is None else about, "attribute", IN_FLOAT32)
        tree.write(path)
        return core.read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def _keep_biases_apart(model: Any, names: set[str]) -> None:
    """Give the biases of linear layers the shape of the results: OpenVINO loses the attribute where it merges both."""
    from openvino import opset13

    for op in model.get_ordered_ops():
        if (
            op.get_friendly_name() not in names
            or op.get_type_name() != "Add"
            or not op.output(0).partial_shape.is_static
        ):
            continue
        product, bias = (op.input_value(i).get_node() for i in range(2))
        if (product.get_type_name(), bias.get_type_name()) == ("MatMul", "Constant"):
            whole = np.broadcast_to(bias.get_data(), op.output(0).shape)
            op.input(1).replace_source_output(opset13.constant(np.ascontiguousarray(whole)).output(0))


def _of_coordinates(model: Any) -> set[str]:
    """The names of the operations from convolutions to the positions of samplings."""
    names: set[str] = set()
    operations = model.get_ordered_ops()
    left = [op.input_value(1).get_node() for op in operations if op.get_type_name() == SAMPLING]
    while left:
        op = left.pop()
        if op.get_friendly_name() not in names and op.get_type_name() not in ENDS:
            names.add(op.get_friendly_name())
            left += [op.input_value(i).get_node() for i in range(op.get_input_size())]
    return names
