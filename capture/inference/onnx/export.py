"""A generator into ONNX files: the whole of it, and its two encoders and its decoder, each checked against torch."""

from __future__ import annotations

import copy
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from capture.common.errors import CaptureError
from capture.common.files import write_bytes
from capture.inference.onnx.files import PACKAGES, PARTS, RELATIVE, SUFFIX, WHOLE, About, part_path, require
from capture.inference.onnx.generator import OnnxGenerator
from capture.inference.onnx.join import join_parts
from capture.inference.onnx.steps import Step, first_poses, is_cut, steps_of
from capture.inference.onnx.svd import DECOMPOSITIONS
from capture.inference.onnx.weights import store_weights
from capture.io.images import image_to_tensor, normalise
from capture.methods.base import Generator

OPSET = 18  # the oldest that torch's exporter writes; GridSample needs 16
TOLERANCE = 1e-3  # largest difference from torch, in [-1, 1], that an export in float32 may have
EXAMPLES = 3  # pictures in the batch of the check
TRACED = 2  # pictures in the batch that the graph is taken from; with 1 the size of the batch would be a constant


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        paths: the whole generator first, then the parts.
        largest, mean: absolute difference of the pictures from those that torch makes, in [-1, 1].
    """

    paths: list[Path]
    precision: str
    largest: float
    mean: float

    def __str__(self) -> str:
        size = self.paths[0].stat().st_size / 2**20
        return (
            f"{self.paths[0]}: {size:.1f} MiB, opset {OPSET}, weights in {self.precision}; differences from torch in "
            f"[-1, 1]: {self.largest:.2g} at most, {self.mean:.2g} on average"
        )


def export_onnx(path: str | Path, generator: Generator, config: dict[str, Any], precision: str = "fp32") -> Exported:
    """Write model.onnx and, where the generator can be cut, model.identity.onnx, model.pose.onnx, model.decoder.onnx.

    A generator with a relative mode is written in that mode as well, into model.relative.onnx.
    The size of the batch is free; the side of the pictures is the configuration's. Without the parts, an identity is
    encoded again for every pose.

    Args:
        precision: of the stored weights: fp32, fp16 or int8 (capture.inference.onnx.weights).
    Raises:
        CaptureError: packages are missing, the generator can't be exported, or the result differs from torch.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise CaptureError(f"{path}: name it {SUFFIX}")
    if isinstance(generator, OnnxGenerator):
        raise CaptureError(f"{path}: an ONNX file can't be exported again; give the result that it came from")
    for name in PACKAGES:
        require(name)
    network = copy.deepcopy(generator).cpu().float().eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    size = config["dataset_config"]["image_size"]
    inputs, noise = examples(network, size, EXAMPLES)
    traced = {role: value[:TRACED] for role, value in inputs.items()}
    written = {}
    for part, model in _models(network, traced, noise[:TRACED], config).items():
        about = About(part, config, network.inputs, network.noise_dim, network.coordinates, precision, OPSET)
        store_weights(model, precision)
        require("onnx").helper.set_model_props(model, about.to_metadata())
        written[part_path(path, part)] = model.SerializeToString()
    for part in (*PARTS, RELATIVE):  # of an earlier export under this name, which this one does not write again
        if part_path(path, part) not in written:
            part_path(path, part).unlink(missing_ok=True)
    for place, data in written.items():
        write_bytes(place, data)
    largest, mean = difference(network, OnnxGenerator(path), inputs, noise)
    if precision == "fp32" and not largest <= TOLERANCE:
        for place in written:
            place.unlink()
        raise CaptureError(f"{path}: differs from torch by {largest:.2g} (at most {TOLERANCE:g}): not kept")
    return Exported(list(written), precision, largest, mean)


def _models(network: Generator, traced: dict[str, Tensor], noise: Tensor, config: dict[str, Any]) -> dict[str, Any]:
    """An onnx.ModelProto for the whole generator, and one for each part or for the relative mode, by name."""
    cut = is_cut(network)
    steps = [(step, given) for step, given in steps_of(network, traced, noise) if not (cut and step.part == WHOLE)]
    models = {step.part: to_onnx(step, given, config) for step, given in steps}
    return {WHOLE: join_parts(models, network.inputs), **models} if cut else models


def examples(generator: Generator, size: int, count: int) -> tuple[dict[str, Tensor], Tensor]:
    """Drawn figures for every input of a generator, (count, ...), and noise (count, 2, noise_dim); always the same."""
    inputs = {}
    for k, role in enumerate(generator.inputs):
        if role.endswith("_uv"):
            raise CaptureError(f"this method reads the map {role}, and only methods that read pictures are exported")
        drawn = [_figure(size, 10 * k + i) for i in range(count)]
        inputs[role] = normalise(torch.stack([image_to_tensor(picture) for picture in drawn]))
    return inputs, generator.sample_noise(count, generator=torch.Generator().manual_seed(0))


def difference(
    torch_generator: Generator, onnx_generator: OnnxGenerator, inputs: dict[str, Tensor], noise: Tensor
) -> tuple[float, float]:
    """The largest and the mean absolute difference of the pictures, by the whole file, by the parts, in both modes."""
    largest, means = 0.0, []
    with torch.no_grad():
        expected = torch_generator(inputs, noise)
        identity = {role: value for role, value in inputs.items() if role.startswith("identity")}
        pose = {role: value for role, value in inputs.items() if role not in identity}
        encoded = onnx_generator.encode_identity(identity, noise[:, 0]), onnx_generator.encode_pose(pose)
        pairs = [(onnx_generator(inputs, noise), expected), (onnx_generator.decode(*encoded, noise), expected)]
        if torch_generator.relative:
            first = first_poses(inputs)
            moved = onnx_generator.transfer_relative(inputs, first)
            pairs.append((moved, torch_generator.transfer_relative(inputs, first)))
        for made, wanted in pairs:
            apart = (made - wanted).abs()
            largest = max(largest, float(apart.max()))
            means.append(float(apart.mean()))
    return largest, sum(means) / len(means)


def to_onnx(step: Step, arguments: list[Tensor], config: dict[str, Any], any_batch: bool = True) -> Any:
    """An onnx.ModelProto, without the exporter's notes on where in the source each node comes from.

    Args:
        any_batch: for batches of any size; otherwise for the size of these arguments, which takes half the time.
    """
    shapes = (tuple({0: torch.export.Dim("batch")} for _ in arguments),) if any_batch else None
    quiet = logging.getLogger("torch.onnx"), logging.getLogger("onnxscript")
    levels = [logger.level for logger in quiet]
    try:
        for logger in quiet:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            exported = torch.export.export(step, tuple(arguments), dynamic_shapes=shapes)
            if any(node.target in DECOMPOSITIONS for node in exported.graph.nodes):  # it takes as long as exporting
                exported = exported.run_decompositions(DECOMPOSITIONS)
            program = torch.onnx.export(
                exported,
                dynamo=True,
                opset_version=OPSET,
                input_names=step.input_names,
                output_names=step.output_names,
                verbose=False,
            )
    except Exception as error:  # whatever a network holds that ONNX lacks
        method = config["main_config"]["method"]
        raise CaptureError(
            f"method {method}: its part '{step.part}' can't be exported to ONNX ({_first_line(error)})"
        ) from None
    finally:
        for logger, level in zip(quiet, levels):
            logger.setLevel(level)
    assert program is not None  # it is None only where a file is written
    model = program.model_proto
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.name = step.part if step.part != WHOLE else "generator"
    return model


def _figure(size: int, seed: int) -> Image.Image:
    """A figure of simple shapes on a plain ground."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (size, size), (235, 235, 235))
    pen = ImageDraw.Draw(picture)

    def colour() -> tuple[int, ...]:
        return tuple(int(value) for value in rng.integers(0, 200, 3))

    x, unit = size * (0.45 + 0.1 * rng.random()), size / 16
    pen.ellipse([x - 2 * unit, 2 * unit, x + 2 * unit, 6 * unit], fill=colour())
    pen.rectangle([x - 1.5 * unit, 6 * unit, x + 1.5 * unit, 10 * unit], fill=colour())
    for side, start, end in ((-1, 6.5, 9), (1, 6.5, 5), (-1, 10, 14), (1, 10, 14)):
        reach = side * unit * (1 + 3 * rng.random())
        pen.line([x + side * unit, start * unit, x + reach, end * unit], fill=colour(), width=max(int(unit), 1))
    return picture


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
