"""PoseTransfer: load a trained generator once, then turn (identity, pose) into pictures.

The one inference path that the command line, evaluation, samples and benchmarks share.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from capture.common.device import check_compiler, pick_device, use_bf16
from capture.common.errors import CaptureError
from capture.common.memory import keep_freed_memory
from capture.common.registry import method_class
from capture.common.shipped import find_result
from capture.common.stages import batched, side_by_side
from capture.inference.cached import CachedGenerator, repeated
from capture.inference.load_generator import load_generator
from capture.io.images import denormalise, normalise
from capture.methods.base import Features, Generator, Inputs
from capture.methods.layers import Layers


class PoseTransfer:
    """A generator ready to use.

    Attributes:
        size: side S of the images it takes and makes.  config: what it was trained with.  source: the weights' file.
    """

    def __init__(
        self,
        generator: Generator,
        config: dict[str, Any],
        device: torch.device,
        precision: str = "fp32",
        source: str | Path = "",
        compiled: bool = False,
    ):
        self.generator = generator.to(device).eval().requires_grad_(False)
        self.config, self.device, self.source = config, device, Path(source)
        keep_freed_memory(device)
        self.size = config["dataset_config"]["image_size"]
        self.dtype = torch.bfloat16 if use_bf16(precision, device) else torch.float32
        self.compiled = compiled
        self.noise_dim = generator.noise_dim
        if compiled:
            check_compiler(device)
        # bfloat16 weights, not autocast, which would convert them at every call; what derives from InFloat32 stays so
        network = generator if self.dtype == torch.float32 else copy.deepcopy(generator).to(self.dtype)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its annotations
        self._cached = CachedGenerator(network, compiled)

    @classmethod
    def load(
        cls,
        source: str | Path,
        device: str = "auto",
        precision: str = "fp32",
        compiled: bool = False,
        runtime: str | None = None,
    ) -> PoseTransfer:
        """Load from a result folder (ours or the release's), or from an exported .safetensors, .onnx or .pt file.

        A .pt file is read with the 0config.yaml of its result folder (the one above CheckPoint/), or beside it; a .tar
        or .pth file is one that FOMM's or MRAA's authors released, with a 0config.yaml beside it or their usual one.
        "Toon" and "result/Toon" are the weights that come with the package, from any working directory.

        Args:
            runtime: "openvino" computes with OpenVINO, on the CPU; None: ONNX Runtime for .onnx, torch for the others.
        Raises:
            CaptureError: nothing to load there, or a file that is damaged, hostile or for another configuration.
        """
        path = find_result(source)
        if runtime == "openvino":
            from capture.inference.openvino.generator import load_openvino

            converted, config, file = load_openvino(path, device, precision, compiled)
            return cls(converted, config, torch.device("cpu"), source=file)
        if path.suffix == ".onnx" and path.is_file():
            from capture.inference.onnx.generator import load_onnx

            chosen = pick_device(device)
            exported, config = load_onnx(path, precision, compiled, chosen.type == "cuda")
            return cls(exported, config, chosen, source=path)
        generator, config, file = load_generator(path)
        return cls(generator, config, pick_device(device), precision, file, compiled)

    def transfer(
        self, identity: Tensor, pose: Tensor, noise: Tensor | None = None, maps: Inputs | None = None
    ) -> Tensor:
        """Render identities in poses.

        Args:
            identity, pose: (B, 3, S, S) in [-1, 1].
            noise: (B, 2, noise_dim); None is zeros: the same inputs give the same picture.
            maps: for methods that read them, identity_uv, pose_uv, target_uv: IUV maps, uint8 (B, 3, S, S), or
                coordinates in an atlas, float (B, 2, S, S) with NaN for background.
        Returns:
            (B, 3, S, S) float32 in [-1, 1], on the generator's device.
        Raises:
            CaptureError: the method reads a map that is not given.
        """
        return self.decode(self.encode_identity(identity, noise, maps), self.encode_pose(pose, maps), noise)

    @torch.no_grad()
    def encode_identity(self, identity: Tensor, noise: Tensor | None = None, maps: Inputs | None = None) -> Features:
        """All that identity pictures (B, 3, S, S) in [-1, 1] and their maps contribute, for any number of `decode`s."""
        inputs = self._inputs({"identity": identity, **(maps or {})}, of_identity=True)
        return self._cached.encode_identity(inputs, self._noise(len(identity), noise)[:, 0])

    @torch.no_grad()
    def encode_pose(self, pose: Tensor, maps: Inputs | None = None) -> Features:
        """The same for pose pictures, and for the maps pose_uv and target_uv."""
        return self._cached.encode_pose(self._inputs({"pose": pose, **(maps or {})}, of_identity=False))

    @torch.no_grad()
    def decode(self, identity: Features, pose: Features, noise: Tensor | None = None) -> Tensor:
        """The picture, (B, 3, S, S) float32 in [-1, 1]; a single identity or pose goes with every one of the others."""
        count = max(len(next(iter(features.values()))) for features in (identity, pose))
        identity, pose = (f if len(next(iter(f.values()))) == count else repeated(f, count) for f in (identity, pose))
        return self._cached.decode(identity, pose, self._noise(count, noise)).float()

    def render(
        self,
        identity: Tensor,
        pose: Tensor,
        batch_size: int = 16,
        noise: Tensor | None = None,
        maps: Inputs | None = None,
    ) -> Tensor:
        """The same from pictures to pictures: uint8 (N, 3, S, S) in and out, on the CPU, `batch_size` at a time.

        Args:
            noise: (1, 2, noise_dim) for every picture; None is zeros.  maps: uint8 (N, 3, S, S), see `transfer`.
        """
        outputs, given = [], {"identity": identity, "pose": pose, **(maps or {})}
        for start in range(0, len(identity), batch_size):
            batch = {role: value[start : start + batch_size] for role, value in given.items()}
            count = len(batch["identity"])
            short = batch_size - count if self.compiled and len(identity) > batch_size else 0
            if short:  # another size of batch would be compiled anew
                batch = {role: torch.cat([x, x[-1:].expand(short, -1, -1, -1)]) for role, x in batch.items()}
            identities, poses = normalise(batch.pop("identity")), normalise(batch.pop("pose"))
            outputs.append(denormalise(self.transfer(identities, poses, noise, batch)).cpu()[:count])
        return torch.cat(outputs)

    @torch.no_grad()
    def render_by_maps(
        self, identity: Tensor, maps: Inputs, garment: tuple[Tensor, Tensor] | None = None, parts: str = ""
    ) -> Tensor:
        """Pictures by a method that reads maps and no pose picture: uint8 (N, 3, S, S) in and out, on the CPU.

        Args:
            maps: identity_uv and the map that drives, (N, 3 or 2, S, S).
            garment: a picture and its map, (1, ...) each, that `parts` come from; None: no garment transfer.
        Raises:
            CaptureError: a map of the wrong kind, or a method without garment transfer.
        """
        if garment is None:
            blank = torch.zeros_like(identity)  # no pose picture is read
            return self.render(identity, blank, max(len(identity), 1), maps=maps)
        picture = {"identity": normalise(identity), **maps}
        inputs = {**self._inputs(picture, of_identity=True), **self._inputs(picture, of_identity=False)}
        worn = [x.to(self.device).expand(len(identity), *x.shape[1:]) for x in (normalise(garment[0]), garment[1])]
        method = method_class(self.config["main_config"]["method"])
        made: Tensor | None = method.transfer_garment(self.generator, inputs, *worn, parts)
        if made is None:
            raise CaptureError(f"{self.source}: this method has no garment transfer; leave --garment out")
        return denormalise(made).cpu()

    def drive(
        self,
        identities: Tensor | Sequence[Any],
        poses: Iterable[Tensor],
        batch_size: int = 8,
        noise: Tensor | None = None,
        relative: bool = False,
    ) -> Iterator[Tensor]:
        """A few characters through any number of poses: each identity and each pose is encoded once.

        Where the generator has `streams`, so many poses are rendered at the same time, one by one, whatever the
        `batch_size`.

        Args:
            identities: uint8 (N, 3, S, S); without `relative`, one may be what encode_identity made of it.
            poses: uint8 (3, S, S) each, read only as they are needed.
            relative: the poses are a video's frames, and characters move as it has since the first (drive_relative).
        Yields:
            uint8 (N, 3, S, S) on the CPU for each pose, in order.
        """
        if relative:
            yield from self.drive_relative(identities, poses, batch_size)
            return
        known = [
            self.encode_identity(normalise(one[None]), noise) if isinstance(one, Tensor) else one for one in identities
        ]

        def rendered(batch: list[Tensor]) -> Tensor:
            short = batch_size - len(batch) if self.compiled else 0  # another size would be compiled anew
            pose = self.encode_pose(normalise(torch.stack([*batch, *[batch[-1]] * short])))
            made = [denormalise(self.decode(identity, pose, noise)).cpu() for identity in known]
            return torch.stack(made, dim=1)[: len(batch)]

        streams = self.generator.streams
        for pictures in side_by_side(rendered, batched(poses, batch_size if streams == 1 else 1), streams):
            yield from pictures

    @torch.no_grad()
    def estimate_motion(self, identities: Sequence[Features], pose: Features) -> Features:
        """Where the pixels of outputs come from: see capture.methods.base.Generator, as for `decode_layers`."""
        return self._cached.network.estimate_motion([repeated(one, _count(pose)) for one in identities], pose)

    @torch.no_grad()
    def decode_layers(
        self, identities: Sequence[Features], pose: Features, motion: Features, noise: Tensor | None = None
    ) -> Layers:
        """Pictures in layers, from one or several pictures of one identity, (1, ...) each, and poses (B, ...)."""
        count = _count(pose)
        shared = [repeated(one, count) for one in identities]
        return self._cached.network.decode_layers(shared, pose, motion, self._noise(count, noise))

    @torch.no_grad()
    def drive_relative(
        self, identities: Tensor | Sequence[Tensor], poses: Iterable[Tensor], batch_size: int = 8
    ) -> Iterator[Tensor]:
        """Drive in relative mode, by a video's frames: characters move as the driver has since its first frame.

        Raises:
            CaptureError: the method has no relative mode.
        """
        self.check_relative()
        first = None
        for batch in batched(poses, batch_size):
            pose = normalise(torch.stack(batch)).to(self.device)
            first = pose[:1] if first is None else first
            shown = [normalise(identity[None]).to(self.device).expand_as(pose) for identity in identities]
            inputs = [{"identity": one, "pose": pose} for one in shown]
            made = [self.generator.transfer_relative(one, first.expand_as(pose)) for one in inputs]
            yield from torch.stack([denormalise(pictures).cpu() for pictures in made], dim=1)

    def check_relative(self) -> None:
        """CaptureError where the method has no relative mode."""
        if not self.generator.relative:
            raise CaptureError(f"{self.source}: this method has no relative mode; leave --relative out")

    @torch.no_grad()
    def segment(self, pictures: Tensor) -> Tensor | None:
        """The likeliest part at each position, int64 (N, h, w) on the CPU: 0 is the background, k is PARTS[k - 1] of
        capture.io.iuv. See `part_logits`."""
        logits = self.part_logits(pictures)
        return None if logits is None else logits.argmax(dim=1).cpu()

    @torch.no_grad()
    def part_logits(self, pictures: Tensor) -> Tensor | None:
        """Generator.segment of pictures uint8 (N, 3, S, S); None where the method finds no parts."""
        return self.generator.segment(normalise(pictures).to(self.device))

    def sample_noise(self, batch: int, scale: float, seed: int) -> Tensor:
        """Noise (B, 2, noise_dim) of a given scale, the same for the same seed on every device."""
        if not math.isfinite(scale):
            raise CaptureError(f"--noise_scale {scale}: give a number, such as 1")
        if not -(2**63) <= seed < 2**64:
            raise CaptureError(f"--seed {seed}: give a whole number of at most 64 bits, such as 1")
        return scale * self.generator.sample_noise(batch, generator=torch.Generator().manual_seed(seed))

    def _inputs(self, given: Inputs, of_identity: bool) -> dict[str, Tensor]:
        """What the generator reads of the identity's side or of the pose's, on its device."""
        roles = [role for role in self.generator.inputs if role.startswith("identity") == of_identity]
        missing = [role for role in roles if role not in given]
        if missing:
            raise CaptureError(
                f"{self.source}: this method reads an IUV map, {missing[0]}, which is not given; put it beside the "
                "picture as uv/NAME.png, or give --iden_uv and --target_uv"
            )
        for role in roles:
            if role.endswith("_uv") and self.generator.coordinates != given[role].is_floating_point():
                kind = "coordinates (.npy)" if self.generator.coordinates else "an IUV map (.png: part, u, v)"
                raise CaptureError(f"{self.source}: {role}: this method reads {kind}; convert maps with prepare.py uv")
        moved = {role: given[role].to(self.device) for role in roles}
        for role, value in moved.items():
            if not role.endswith("_uv"):  # maps keep their type: coordinates need float32
                moved[role] = value.to(self.dtype).contiguous(memory_format=torch.channels_last)
        return moved

    def _noise(self, batch: int, noise: Tensor | None) -> Tensor:
        if noise is None:
            return torch.zeros(batch, 2, self.noise_dim, device=self.device, dtype=self.dtype)
        return noise.to(self.device, self.dtype).expand(batch, -1, -1)


def _count(features: Features) -> int:
    return len(next(iter(features.values())))
