"""PoseTransfer: load a trained generator once, then turn (identity, pose) into pictures.

The one inference path that the command line, evaluation, samples and benchmarks share.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capture.checkpoints.checkpoint import (
    EXPORTED,
    FOLDER,
    generator_weights,
    latest_path,
    load_checkpoint,
    load_export,
    load_weights,
)
from capture.checkpoints.find import newest_checkpoint
from capture.common.device import check_compiler, pick_device, use_bf16
from capture.common.errors import CaptureError
from capture.common.memory import keep_freed_memory
from capture.config.load import RESULT_CONFIG, load_result_config
from capture.inference.cached import Features, Parts, repeated
from capture.io.images import denormalise, normalise
from capture.methods import build_generator
from capture.methods.published import SUFFIXES, load_published_generator


class PoseTransfer:
    """A generator ready to use.

    Attributes:
        size: side S of the images it takes and makes.  config: what it was trained with.  source: the weights' file.
    """

    def __init__(
        self,
        generator: nn.Module,
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
        self.noise_width = getattr(generator, "code_width", 0)
        if compiled:
            check_compiler(device)
        # bfloat16 weights, not autocast, which would convert them at every call; statistics stay in float32
        network = generator if self.dtype == torch.float32 else copy.deepcopy(generator).to(self.dtype)
        for module in network.modules():
            if getattr(module, "exact", False):
                module.float()
        self._parts = Parts(network.to(memory_format=torch.channels_last), compiled)

    @classmethod
    def load(
        cls, source: str | Path, device: str = "auto", precision: str = "fp32", compiled: bool = False
    ) -> PoseTransfer:
        """Load from a result folder (ours or the release's), or from one exported .safetensors or .pt file.

        A .pt file is read with the 0config.yaml of its result folder (the one above CheckPoint/), or beside it; a .tar
        or .pth file is one that FOMM's or MRAA's authors released, with a 0config.yaml beside it or their usual one.

        Raises:
            CaptureError: nothing to load there, or a file that is damaged, hostile or for another configuration.
        """
        path, config, state, made_with = Path(source), None, None, None
        if not path.exists():
            raise CaptureError(f"{path}: no such result folder; train.py writes them, e.g. result/Fashion")
        if path.is_dir():
            config = load_result_config(path)
            newest = newest_checkpoint(path)
            exported = [p for p in (path / FOLDER / EXPORTED, path / EXPORTED) if p.is_file()]
            if newest is None and not exported:
                raise CaptureError(
                    f"{path}: no checkpoint in this result folder; expected {latest_path(path)} or {EXPORTED}"
                )
            path, state = newest or (exported[0], None)
        if path.suffix in SUFFIXES:
            beside = path.parent if (path.parent / RESULT_CONFIG).is_file() else None
            generator, config = load_published_generator(path, load_result_config(beside) if beside else None)
            return cls(generator, config, pick_device(device), precision, path, compiled)
        if path.suffix == ".safetensors":
            weights, config = load_export(path)
        else:
            if config is None:
                near = path.parent.parent if path.parent.name == FOLDER else path.parent
                config = load_result_config(near)
            state = state or load_checkpoint(path)
            weights, made_with = generator_weights(state), state.get("config")
        generator = build_generator(config)
        load_weights(generator, weights, path, config, made_with)
        return cls(generator, config, pick_device(device), precision, path, compiled)

    def transfer(self, identity: Tensor, pose: Tensor, noise: Tensor | None = None) -> Tensor:
        """Render identities in poses.

        Args:
            identity, pose: (B, 3, S, S) in [-1, 1].  noise: (B, 2, 4m); None is zeros: same inputs, same picture.
        Returns:
            (B, 3, S, S) float32 in [-1, 1], on the generator's device.
        """
        return self.decode(self.encode_identity(identity, noise), self.encode_pose(pose), noise)

    @torch.no_grad()
    def encode_identity(self, identity: Tensor, noise: Tensor | None = None) -> Features:
        """Who: all that the identity pictures (B, 3, S, S) in [-1, 1] contribute, for any number of `decode`s."""
        return self._parts.encode_identity(self._input(identity), self._noise(len(identity), noise)[:, 0])

    @torch.no_grad()
    def encode_pose(self, pose: Tensor) -> Features:
        """In what pose: the same for pose pictures."""
        return self._parts.encode_pose(self._input(pose))

    @torch.no_grad()
    def decode(self, identity: Features, pose: Features, noise: Tensor | None = None) -> Tensor:
        """The picture, (B, 3, S, S) float32 in [-1, 1]; a single identity or pose goes with every one of the others."""
        count = max(len(next(iter(features.values()))) for features in (identity, pose))
        identity, pose = (f if len(next(iter(f.values()))) == count else repeated(f, count) for f in (identity, pose))
        return self._parts.decode(identity, pose, self._noise(count, noise)).float()

    def render(self, identity: Tensor, pose: Tensor, batch_size: int = 16, noise: Tensor | None = None) -> Tensor:
        """The same from pictures to pictures: uint8 (N, 3, S, S) in and out, on the CPU, `batch_size` at a time.

        Args:
            noise: (1, 2, 4m) for every picture; None is zeros.
        """
        outputs = []
        for one, other in zip(identity.split(batch_size), pose.split(batch_size)):
            short = batch_size - len(one) if self.compiled and len(identity) > batch_size else 0
            one, other = (torch.cat([x, x[-1:].expand(short, -1, -1, -1)]) if short else x for x in (one, other))
            made = denormalise(self.transfer(normalise(one), normalise(other), noise)).cpu()
            outputs.append(made[: len(made) - short])
        return torch.cat(outputs)

    def drive(
        self,
        identities: Tensor,
        poses: Iterable[Tensor],
        batch_size: int = 8,
        noise: Tensor | None = None,
        relative: bool = False,
    ) -> Iterator[Tensor]:
        """A few characters through any number of poses: each identity and each pose is encoded once.

        Args:
            identities: uint8 (N, 3, S, S).  poses: uint8 (3, S, S) each, read only as they are needed.
            relative: the poses are a video's frames, and characters move as it has since the first (drive_relative).
        Yields:
            uint8 (N, 3, S, S) on the CPU for each pose, in order.
        """
        if relative:
            yield from self.drive_relative(identities, poses, batch_size)
            return
        known = [self.encode_identity(normalise(identity[None]), noise) for identity in identities]
        for batch in batched(poses, batch_size):
            short = batch_size - len(batch) if self.compiled else 0  # another size would be compiled anew
            pose = self.encode_pose(normalise(torch.stack([*batch, *[batch[-1]] * short])))
            made = [denormalise(self.decode(identity, pose, noise)).cpu() for identity in known]
            yield from torch.stack(made, dim=1)[: len(batch)]

    @torch.no_grad()
    def drive_relative(self, identities: Tensor, poses: Iterable[Tensor], batch_size: int = 8) -> Iterator[Tensor]:
        """Drive in relative mode, by a video's frames: characters move as the driver has since its first frame.

        Raises:
            CaptureError: the method has no relative mode.
        """
        if not hasattr(self.generator, "transfer_relative"):
            raise CaptureError(f"{self.source}: only FOMM and MRAA have a relative mode; leave --relative out")
        first = None
        for batch in batched(poses, batch_size):
            pose = normalise(torch.stack(batch)).to(self.device)
            first = pose[:1] if first is None else first
            shown = [normalise(identity[None]).to(self.device).expand_as(pose) for identity in identities]
            made = [self.generator.transfer_relative(one, pose, first.expand_as(pose)) for one in shown]
            yield from torch.stack([denormalise(pictures).cpu() for pictures in made], dim=1)

    def draw_noise(self, batch: int, scale: float, seed: int) -> Tensor:
        """Noise (B, 2, 4m) of a given scale, the same for the same seed on every device."""
        if not self.noise_width:  # a method without noise
            return torch.zeros(batch, 2, 0)
        return scale * self.generator.draw_noise(batch, generator=torch.Generator().manual_seed(seed))

    def _input(self, images: Tensor) -> Tensor:
        return images.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)

    def _noise(self, batch: int, noise: Tensor | None) -> Tensor:
        if noise is None:
            return torch.zeros(batch, 2, self.noise_width, device=self.device, dtype=self.dtype)
        return noise.to(self.device, self.dtype).expand(batch, -1, -1)


def batched(items: Iterable[Tensor], size: int) -> Iterator[list[Tensor]]:
    """Lists of `size` items, the last one perhaps shorter."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch
