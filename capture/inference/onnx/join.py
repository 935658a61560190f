"""The whole generator as one graph, joined from those of its parts: exporting it as well would take twice the time."""

from __future__ import annotations

import hashlib
from typing import Any

from capture.inference.onnx.files import PARTS, require
from capture.inference.onnx.steps import NOISE

ENCODED = f"identity.{NOISE}"  # the noise of the identity alone, (B, noise_dim)


def join_parts(parts: dict[str, Any], inputs: tuple[str, ...]) -> Any:
    """An onnx.ModelProto from the pictures (and noise, where there is any) to the picture.

    Args:
        parts: the models "identity", "pose" and "decoder"; they stay as they are.
        inputs: the roles of the generator, in their order.
    """
    onnx = require("onnx")
    whole = onnx.ModelProto()
    whole.CopyFrom(parts["decoder"])
    del whole.graph.node[:], whole.graph.input[:], whole.graph.initializer[:], whole.graph.value_info[:]
    given: dict[str, Any] = {}  # inputs of all parts, by name
    known: dict[str, str] = {}  # digest of a weight -> its name; both encoders may hold the same
    for part in PARTS:
        assert not parts[part].functions  # the exporter writes operators of the standard alone
        graph = onnx.GraphProto()
        graph.CopyFrom(parts[part].graph)
        if part == "identity":
            _rename_input(graph, NOISE, ENCODED)
        onnx.compose.add_prefix_graph(graph, f"{part}/", rename_inputs=False, rename_outputs=False, inplace=True)
        given |= {value.name: value for value in graph.input}
        if part == "identity" and ENCODED in given:
            whole.graph.initializer.append(onnx.helper.make_tensor("identity/first", onnx.TensorProto.INT64, [], [0]))
            whole.graph.node.append(
                onnx.helper.make_node("Gather", [NOISE, "identity/first"], [ENCODED], name="identity/noise", axis=1)
            )
        same = {}
        for weight in graph.initializer:
            name = known.setdefault(_digest(weight), weight.name)
            if name == weight.name:
                whole.graph.initializer.append(weight)
            else:
                same[weight.name] = name
        for node in graph.node:
            node.input[:] = [same.get(name, name) for name in node.input]
        whole.graph.node.extend(graph.node)
        whole.graph.value_info.extend(value for value in graph.value_info if value.name not in same)
    whole.graph.input.extend(given[name] for name in (*inputs, NOISE) if name in given)
    whole.graph.name = "generator"
    return whole


def _rename_input(graph: Any, old: str, new: str) -> None:
    """Give an input, where there is one of that name, another name."""
    for value in graph.input:
        if value.name == old:
            value.name = new
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def _digest(weight: Any) -> str:
    """Of everything but its name."""
    nameless = type(weight)()
    nameless.CopyFrom(weight)
    nameless.name = ""
    return hashlib.sha256(nameless.SerializeToString(deterministic=True)).hexdigest()
