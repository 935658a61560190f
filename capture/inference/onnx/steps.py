"""A generator's parts as networks with plain lists of tensors for inputs and outputs, as ONNX has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from capture.inference.onnx.files import PARTS, RELATIVE, WHOLE
from capture.methods.base import Features, Generator, Inputs

NOISE, IMAGE, FIRST_POSE = "noise", "image", "first_pose"


class Step(nn.Module):
    """One part of a generator.

    Attributes:
        input_names, output_names: of the tensors that `forward` takes and returns, in order.
    """

    def __init__(self, generator: Generator, part: str, features: dict[str, Features] | None = None):
        super().__init__()
        self.generator, self.part = generator, part
        self.keys = {name: list(of) for name, of in (features or {}).items()}
        noise = [NOISE] * (generator.noise_dim > 0 and part != "pose")
        self.output_names = [IMAGE]
        if part == WHOLE:
            self.input_names = [*generator.inputs, *noise]
        elif part == RELATIVE:
            self.input_names = [*generator.inputs, FIRST_POSE]
        elif part == "decoder":
            self.input_names = [*feature_names("identity", self.keys), *feature_names("pose", self.keys), *noise]
        else:
            roles = [role for role in generator.inputs if role.startswith("identity") == (part == "identity")]
            self.input_names = [*roles, *noise]
            self.output_names = feature_names(part, self.keys)

    def forward(self, *tensors: Tensor) -> Any:
        """The tensors of `input_names` -> those of `output_names`."""
        given = dict(zip(self.input_names, tensors))
        noise = given.pop(NOISE, None)
        if self.part == WHOLE:
            return self.generator(given, noise)  # (B, 3, S, S)
        if self.part == RELATIVE:
            return self.generator.transfer_relative(given, given.pop(FIRST_POSE))  # (B, 3, S, S)
        if self.part == "identity":
            noise = self._no_noise(tensors[0])[:, 0] if noise is None else noise
            return tuple(self.generator.encode_identity(given, noise).values())
        if self.part == "pose":
            return tuple(self.generator.encode_pose(given).values())
        noise = self._no_noise(tensors[0]) if noise is None else noise
        identity, pose = (self._features(side, given) for side in ("identity", "pose"))
        return self.generator.decode(identity, pose, noise)  # (B, 3, S, S)

    def _features(self, side: str, given: dict[str, Tensor]) -> Features:
        return {key: given[feature_name(side, key)] for key in self.keys[side]}

    def _no_noise(self, like: Tensor) -> Tensor:
        return like.new_zeros(len(like), 2, 0)


def feature_name(side: str, key: Any) -> str:
    """The name in ONNX of the feature `key` of the identity or of the pose."""
    return f"{side}.{key}"


def feature_names(side: str, keys: dict[str, list[Any]]) -> list[str]:
    """The names of all features of one side, in order."""
    return [feature_name(side, key) for key in keys[side]]


def is_cut(generator: Generator) -> bool:
    """Whether a generator has encoders of its own; otherwise `decode` does everything, and there are no parts."""
    return all(getattr(type(generator), step) is not getattr(Generator, step) for step in ("encode_identity", "decode"))


def steps_of(generator: Generator, inputs: dict[str, Tensor], noise: Tensor) -> list[tuple[Step, list[Tensor]]]:
    """The whole generator, its parts where it can be cut, and its relative mode where it has one.

    Each comes with its inputs for an example.

    Args:
        inputs: the roles of the generator, (B, ...).  noise: (B, 2, noise_dim).
    """
    inputs = {**inputs, FIRST_POSE: first_poses(inputs)} if generator.relative else inputs
    noises = {WHOLE: noise, "identity": noise[:, 0], "decoder": noise}
    if not is_cut(generator):
        modes = [Step(generator, part) for part in (WHOLE, RELATIVE) if part == WHOLE or generator.relative]
        return [(step, _arguments(step, inputs, noise)) for step in modes]
    with torch.no_grad():
        of = {role: inputs[role] for role in generator.inputs}
        identity = generator.encode_identity({r: x for r, x in of.items() if r.startswith("identity")}, noise[:, 0])
        pose = generator.encode_pose({r: x for r, x in of.items() if not r.startswith("identity")})
    features = {"identity": identity, "pose": pose}
    named = {feature_name(side, key): value for side, of in features.items() for key, value in of.items()}
    steps = [Step(generator, part, features) for part in (WHOLE, *PARTS)]
    return [(step, _arguments(step, {**inputs, **named}, noises.get(step.part))) for step in steps]


def first_poses(inputs: Inputs) -> Tensor:
    """For an example of the relative mode, a driver's first frame (B, 3, S, S) for each sample: another one's pose."""
    return inputs["pose"].roll(1, dims=0)


def _arguments(step: Step, given: dict[str, Tensor], noise: Tensor | None) -> list[Tensor]:
    named: dict[str, Tensor | None] = {**given, NOISE: noise}
    chosen: Sequence[Tensor | None] = [named[name] for name in step.input_names]
    return [tensor for tensor in chosen if tensor is not None]
