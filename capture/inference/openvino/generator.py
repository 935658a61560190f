"""OpenVinoGenerator: OpenVINO in the place of a torch generator, so that PoseTransfer renders with it."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.common.device import use_bf16
from capture.common.errors import CaptureError
from capture.config.load import with_defaults
from capture.inference.load_generator import load_generator
from capture.inference.onnx.export import TOLERANCE, examples
from capture.inference.onnx.files import RELATIVE, SUFFIX, WHOLE
from capture.inference.onnx.steps import FIRST_POSE, IMAGE, NOISE, first_poses, is_cut
from capture.inference.openvino.cache import Cache
from capture.inference.openvino.compiled import DEVICE, PRECISIONS, Compiled, settings
from capture.inference.openvino.models import FRAME, convert, openvino, read_files
from capture.inference.openvino.precision import keep_coordinates
from capture.methods.base import Details, Features, Generator, Inputs

CHECKED = 2  # pictures on which a conversion is compared with torch
NEARLY = 0.999  # of their values


class OpenVinoGenerator(Generator):
    """A generator that OpenVINO computes on a CPU, a sample on each core.

    `encode_pose` keeps its picture: the pose's encoder and the decoder are one model.

    Args:
        compiled: openvino.CompiledModel by part: identity and frame, or whole; and perhaps relative.
        about: inputs, noise_dim and coordinates, as of a Generator.
        streams: samples that are computed at the same time.
    """

    def __init__(self, compiled: dict[str, Any], about: tuple[tuple[str, ...], int, bool], streams: int):
        super().__init__()
        self.inputs, self.noise_dim, self.coordinates = about
        self.streams, self.relative = streams, RELATIVE in compiled
        samples = ThreadPoolExecutor(streams, "openvino")
        self._parts = {part: Compiled(model, samples) for part, model in compiled.items()}
        self._is_cut = FRAME in compiled

    def forward(self, inputs: Inputs, noise: Tensor | None = None, details: bool = False) -> Any:
        first = next(iter(inputs.values()))
        noise = first.new_zeros(len(first), 2, self.noise_dim) if noise is None else noise
        if self._is_cut:
            identity = {role: value for role, value in inputs.items() if role.startswith("identity")}
            pose = {role: value for role, value in inputs.items() if role not in identity}
            image = self.decode(self.encode_identity(identity, noise[:, 0]), pose, noise)
        else:
            image = self._parts[WHOLE]({**inputs, NOISE: noise})[IMAGE]  # (B, 3, S, S)
        return Details(image) if details else image

    def encode_identity(self, inputs: Inputs, noise: Tensor) -> Features:
        return dict(self._parts["identity"]({**inputs, NOISE: noise})) if self._is_cut else dict(inputs)

    def decode(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        part = FRAME if self._is_cut else WHOLE
        return self._parts[part]({**identity, **pose, NOISE: noise})[IMAGE]

    def transfer_relative(self, inputs: Inputs, first_pose: Tensor) -> Tensor:
        return self._parts[RELATIVE]({**inputs, FIRST_POSE: first_pose})[IMAGE]


def load_openvino(
    path: Path, device: str, precision: str, compiled: bool
) -> tuple[OpenVinoGenerator, dict[str, Any], Path]:
    """The generator of an exported .onnx file, or of anything that torch loads, its configuration, and the file.

    Raises:
        CaptureError: the package is missing, there is nothing to load, it can't be converted, or options of torch's.
    """
    if compiled or device == "cuda":
        option = "--compile" if compiled else "--device cuda"
        raise CaptureError(f"{path}: {option} is for torch, and OpenVINO computes on CPUs; leave it out")
    core = openvino().Core()
    bf16 = use_bf16(precision, torch.device("cpu"))
    streams = torch.get_num_threads()  # the program chose them, a core for each
    properties = settings(bf16, streams)
    if path.suffix == SUFFIX and (path.is_file() or not path.exists()):
        models, about = read_files(core, path)
        made = OpenVinoGenerator(
            _compile(core, models, properties), (about.roles, about.noise_dim, about.coordinates), streams
        )
        return made, with_defaults(about.config), path
    generator, config, file = load_generator(path)
    if any(role.endswith("_uv") for role in generator.inputs):
        raise CaptureError(f"{path}: this method reads maps, which --runtime openvino does not take; leave it out")
    return of_torch(core, generator.eval(), config, properties, streams), config, file


def of_torch(
    core: Any, generator: Generator, config: dict[str, Any], properties: dict[str, Any], streams: int
) -> OpenVinoGenerator:
    """A torch generator computed by OpenVINO: from the cache where it is there, or converted and compared with torch.

    Args:
        core: openvino.Core.  properties: see `settings`.  streams: samples at a time.
    Raises:
        CaptureError: it can't be converted, or its pictures differ from torch's in float32.
    """
    about = generator.inputs, generator.noise_dim, generator.coordinates
    cache = Cache(core, generator, config, properties)
    names = [*(("identity", FRAME) if is_cut(generator) else (WHOLE,)), *[RELATIVE] * generator.relative]
    kept = {part: cache.load(part) for part in names}
    if all(model is not None for model in kept.values()):
        return OpenVinoGenerator(kept, about, streams)
    print("note: OpenVINO converts the network, once for these weights; it may take half a minute", file=sys.stderr)
    models = convert(generator, config)
    parts = _compile(core, models, settings(False, streams))
    made = OpenVinoGenerator(parts, about, streams)
    apart = difference(generator, made, config["dataset_config"]["image_size"])
    if not apart <= TOLERANCE:
        method = config["main_config"]["method"]
        raise CaptureError(
            f"method {method}: OpenVINO's pictures differ from torch's by {apart:.2g} (at most {TOLERANCE:g}); leave "
            "--runtime out"
        )
    if properties != settings(False, streams):
        parts = _compile(core, models, properties)
        made = OpenVinoGenerator(parts, about, streams)
    for part, model in parts.items():
        cache.save(part, model)
    return made


def _compile(core: Any, models: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """openvino.CompiledModel by part; with bfloat16, coordinates stay in float32."""
    exact = properties["INFERENCE_PRECISION_HINT"] == PRECISIONS[False]
    kept = models if exact else {part: keep_coordinates(core, model) for part, model in models.items()}
    return {part: core.compile_model(model, DEVICE, properties) for part, model in kept.items()}


@torch.no_grad()
def difference(generator: Generator, other: Generator, size: int) -> float:
    """How far two generators' pictures of drawn figures are apart, in [-1, 1], in all their modes.

    It is what NEARLY all values differ by at most: where pixels are moved, rounding moves a few across a sharp edge.
    """
    inputs, noise = examples(generator, size, CHECKED)
    pairs = [(generator(inputs, noise), other(inputs, noise))]
    if generator.relative:
        first = first_poses(inputs)
        pairs.append((generator.transfer_relative(inputs, first), other.transfer_relative(inputs, first)))
    return max(float(torch.quantile((one - another).abs().flatten(), NEARLY)) for one, another in pairs)
