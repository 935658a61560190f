"""A generator as OpenVINO's models of one sample each, from torch or from ONNX files.

A generator that can be cut becomes two models: the identity's encoder, and `frame`, which is the pose's encoder joined
with the decoder, so that nothing is converted between them. Every model takes and returns one sample: with fixed shapes
the compiler can plan more, and samples side by side, a core for each, are faster than batches on all cores.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from capture.common.errors import CaptureError
from capture.inference.onnx.export import examples
from capture.inference.onnx.files import PARTS, RELATIVE, WHOLE, About, part_path, require
from capture.inference.onnx.steps import Step, is_cut, steps_of
from capture.inference.onnx.svd import DECOMPOSITIONS
from capture.methods.base import Generator

FRAME = "frame"  # the pose's encoder and the decoder
INSTALL = "pip install openvino"


def openvino() -> Any:
    """The module openvino.

    Raises:
        CaptureError: it is not installed; the message says how to install it.
    """
    return require("openvino", "rendering with OpenVINO", INSTALL)


def read_files(core: Any, path: Path) -> tuple[dict[str, Any], About]:
    """Models by part, openvino.Model, of model.onnx and the parts beside it, and what the file says of itself.

    Raises:
        CaptureError: a file that is damaged or foreign, or parts of another generator.
    """
    whole, about = _read(core, path)
    if about.part != WHOLE:
        raise CaptureError(f"{path}: only the part '{about.part}' of a generator; give the file without it")
    parts = [part for part in PARTS if all(part_path(path, one).is_file() for one in PARTS)]
    models = {} if parts else {WHOLE: whole}
    for part in (*parts, *[RELATIVE] * part_path(path, RELATIVE).is_file()):
        place = part_path(path, part)
        models[part], of_part = _read(core, place)
        if (of_part.part, of_part.config) != (part, about.config):
            raise CaptureError(f"{place}: not the part '{part}' of {path.name}; export both again")
    for model in models.values():
        model.reshape({one: [1, *list(one.get_partial_shape())[1:]] for one in model.inputs})
    return _joined(models), about


def convert(generator: Generator, config: dict[str, Any]) -> dict[str, Any]:
    """Models by part, openvino.Model, of a torch generator: half a minute for the networks in the box.

    Raises:
        CaptureError: the method reads maps, or holds something that can't be converted.
    """
    network = copy.deepcopy(generator).cpu().float().eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    inputs, noise = examples(network, config["dataset_config"]["image_size"], 1)
    cut = is_cut(network)
    steps = [(step.eval(), given) for step, given in steps_of(network, inputs, noise) if step.part != WHOLE or not cut]
    try:
        return _joined({step.part: _converted(step, given) for step, given in steps})
    except Exception as error:  # whatever a network holds that OpenVINO or torch.export lacks
        why = " ".join(str(error).split())[:160]
        raise CaptureError(
            f"method {config['main_config']['method']}: can't be converted for OpenVINO ({why}); write an ONNX file "
            "with --export FILE.onnx, and give that file"
        ) from None


def _read(core: Any, path: Path) -> tuple[Any, About]:
    if not path.is_file():
        raise CaptureError(f"{path}: no such file; save_result.py RESULT --export {path.name} writes one")
    try:
        model = core.read_model(str(path))
        metadata = model.get_rt_info(["framework"]).astype(dict) if model.has_rt_info(["framework"]) else {}
        values = {key: value.astype(str) for key, value in metadata.items()}
    except Exception as error:  # damaged files raise many kinds of errors
        why = " ".join(str(error).split())[:160]
        raise CaptureError(f"{path}: not a readable ONNX file ({why}); export it again") from None
    return model, About.from_metadata(values, path)


def _converted(step: Step, given: list[torch.Tensor]) -> Any:
    """One step as a model. It does without openvino.convert_model, which reports over the network that it was used."""
    from openvino.frontend import FrontEndManager  # the package is there: `openvino` was called
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    with torch.no_grad(), _quiet():
        program = torch.export.export(step, tuple(given))
        if any(node.target in DECOMPOSITIONS for node in program.graph.nodes):  # it takes as long as exporting
            program = program.run_decompositions(DECOMPOSITIONS)
        decoder = TorchFXPythonDecoder.from_exported_program(program)  # must live as long as the conversion
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    for values, names in ((model.inputs, step.input_names), (model.outputs, step.output_names)):
        for value, name in zip(values, names):
            value.get_tensor().set_names({name})
    model.reshape({one: list(tensor.shape) for one, tensor in zip(model.inputs, given)})
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of the converter, which it writes as warnings of the root logger, with tracebacks."""
    logger = logging.getLogger()
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _joined(models: dict[str, Any]) -> dict[str, Any]:
    """The models with the parts "pose" and "decoder", where they are there, as one, `frame`."""
    if "pose" not in models:
        return models
    pose, decoder = models.pop("pose"), models.pop("decoder")
    made = {output.get_any_name(): result.input_value(0) for output, result in zip(pose.outputs, pose.get_results())}
    left = []
    for parameter in decoder.get_parameters():
        source = made.get(parameter.output(0).get_any_name())
        if source is None:
            left.append(parameter)
            continue
        for target in parameter.output(0).get_target_inputs():
            target.replace_source_output(source)
    return {**models, FRAME: openvino().Model(decoder.get_results(), [*pose.get_parameters(), *left], FRAME)}
