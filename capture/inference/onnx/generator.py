"""OnnxGenerator: exported files in the place of a torch generator, so that PoseTransfer renders with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.common.errors import CaptureError
from capture.config.load import with_defaults
from capture.inference.onnx.files import PARTS, RELATIVE, WHOLE, About, part_path, require
from capture.inference.onnx.steps import FIRST_POSE, IMAGE, NOISE
from capture.methods.base import Details, Features, Generator, Inputs

FOLD_WEIGHTS = "session.disable_quant_qdq"  # makes float32 of int8 weights once, and not in every run


class OnnxGenerator(Generator):
    """A generator that ONNX Runtime computes, in float32.

    With the parts beside the file, each identity and each pose is encoded once; otherwise `decode` runs the whole file.
    With model.relative.onnx beside it, the generator can be driven relative to a video's first frame.

    Args:
        path: model.onnx.  cuda: compute on a GPU, where the installed ONNX Runtime can.
    Attributes:
        about: the file's metadata.
    """

    def __init__(self, path: str | Path, cuda: bool = False):
        super().__init__()
        path = Path(path)
        whole, self.about = _open(path, cuda)
        if self.about.part != WHOLE:
            raise CaptureError(f"{path}: only the part '{self.about.part}' of a generator; give the file without it")
        self.inputs, self.noise_dim, self.coordinates = self.about.roles, self.about.noise_dim, self.about.coordinates
        self._sessions = {WHOLE: whole}
        self.relative = part_path(path, RELATIVE).is_file()
        self._is_cut = all(part_path(path, part).is_file() for part in PARTS)
        for part in (*PARTS * self._is_cut, *[RELATIVE] * self.relative):
            place = part_path(path, part)
            self._sessions[part], about = _open(place, cuda)
            if (about.part, about.config) != (part, self.about.config):
                raise CaptureError(f"{place}: not the part '{part}' of {path.name}; export both again")

    def forward(self, inputs: Inputs, noise: Tensor | None = None, details: bool = False) -> Any:
        first = next(iter(inputs.values()))
        noise = first.new_zeros(len(first), 2, self.noise_dim) if noise is None else noise
        image = self._run(WHOLE, {**inputs, NOISE: noise})[IMAGE]  # (B, 3, S, S)
        return Details(image) if details else image

    def encode_identity(self, inputs: Inputs, noise: Tensor) -> Features:
        return self._run("identity", {**inputs, NOISE: noise}) if self._is_cut else dict(inputs)

    def encode_pose(self, inputs: Inputs) -> Features:
        return self._run("pose", dict(inputs)) if self._is_cut else dict(inputs)

    def decode(self, identity: Features, pose: Features, noise: Tensor) -> Tensor:
        given = {**identity, **pose}
        return self._run("decoder", {**given, NOISE: noise})[IMAGE] if self._is_cut else self(given, noise)

    def transfer_relative(self, inputs: Inputs, first_pose: Tensor) -> Tensor:
        return self._run(RELATIVE, {**inputs, FIRST_POSE: first_pose})[IMAGE]

    def _run(self, part: str, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs of a session, on the device of its inputs. Features keep the names that ONNX has for them."""
        session = self._sessions[part]
        names = [value.name for value in session.get_inputs()]
        made = session.run(None, {name: given[name].detach().float().cpu().numpy() for name in names})
        device = given[names[0]].device
        return {value.name: torch.from_numpy(x).to(device) for value, x in zip(session.get_outputs(), made)}


def load_onnx(path: Path, precision: str, compiled: bool, cuda: bool) -> tuple[OnnxGenerator, dict[str, Any]]:
    """The generator of a file, and its configuration.

    Raises:
        CaptureError: packages are missing, a damaged or foreign file, or options that are torch's alone.
    """
    if compiled or precision == "bf16":
        raise CaptureError(f"{path}: --compile and --precision bf16 are for torch; leave them out with an ONNX file")
    generator = OnnxGenerator(path, cuda)
    return generator, with_defaults(generator.about.config)


def _open(path: Path, cuda: bool) -> tuple[Any, About]:
    """A session, and what the file says of itself."""
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry(FOLD_WEIGHTS, "1")
    options.log_severity_level = 3  # errors
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda else ["CPUExecutionProvider"]
    providers = [name for name in wanted if name in runtime.get_available_providers()]
    if not path.is_file():
        raise CaptureError(f"{path}: no such file; save_result.py RESULT --export {path.name} writes one")
    try:
        session = runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # damaged files raise many kinds of errors
        why = " ".join(str(error).split())[:160]
        raise CaptureError(f"{path}: not a readable ONNX file ({why}); export it again") from None
    return session, About.from_metadata(session.get_modelmeta().custom_metadata_map, path)
