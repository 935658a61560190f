"""PoseTransfer: load a trained generator once, then turn (identity, pose) into pictures.

The one inference path that the command line, evaluation, samples and benchmarks share.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capture.checkpoint import (
    EXPORTED,
    FOLDER,
    generator_weights,
    latest_path,
    load_checkpoint,
    load_export,
    load_weights,
)
from capture.config import load_result_config
from capture.device import pick_device, use_bf16
from capture.errors import CaptureError
from capture.images import denormalise, normalise
from capture.methods import build_generator


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
    ):
        self.generator = generator.to(device).eval().requires_grad_(False)
        self.config, self.device, self.source = config, device, Path(source)
        self.size = config["dataset_config"]["image_size"]
        self.bf16 = use_bf16(precision, device)

    @classmethod
    def load(cls, source: str | Path, device: str = "auto", precision: str = "fp32") -> PoseTransfer:
        """Load from a result folder (ours or the release's), or from one exported .safetensors or .pt file.

        A .pt file is read with the 0config.yaml of its result folder (the one above CheckPoint/), or beside it.

        Raises:
            CaptureError: nothing to load there, or a file that is damaged, hostile or for another configuration.
        """
        path, config, made_with = Path(source), None, None
        if not path.exists():
            raise CaptureError(f"{path}: no such result folder; train.py writes them, e.g. result/Fashion")
        if path.is_dir():
            config = load_result_config(path)
            found = [p for p in (latest_path(path), path / FOLDER / EXPORTED, path / EXPORTED) if p.is_file()]
            if not found:
                raise CaptureError(
                    f"{path}: no checkpoint in this result folder; expected {latest_path(path)} or {EXPORTED}"
                )
            path = found[0]
        if path.suffix == ".safetensors":
            weights, config = load_export(path)
        else:
            if config is None:
                near = path.parent.parent if path.parent.name == FOLDER else path.parent
                config = load_result_config(near)
            state = load_checkpoint(path)
            weights, made_with = generator_weights(state), state.get("config")
        generator = build_generator(config)
        load_weights(generator, weights, path, config, made_with)
        return cls(generator, config, pick_device(device), precision, path)

    @torch.inference_mode()
    def transfer(self, identity: Tensor, pose: Tensor, noise: Tensor | None = None) -> Tensor:
        """Render identities in poses.

        Args:
            identity, pose: (B, 3, S, S) in [-1, 1].  noise: (B, 2, 4m); None is zeros: same inputs, same picture.
        Returns:
            (B, 3, S, S) float32 in [-1, 1], on the generator's device.
        """
        if noise is None:
            noise = torch.zeros(len(identity), 2, self.generator.code_width)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            out = self.generator(identity.to(self.device), pose.to(self.device), noise.to(self.device))
        return out.float()

    def render(self, identity: Tensor, pose: Tensor, batch_size: int = 16, noise: Tensor | None = None) -> Tensor:
        """The same from pictures to pictures: uint8 (N, 3, S, S) in and out, on the CPU, `batch_size` at a time.

        Args:
            noise: (1, 2, 4m) for every picture; None is zeros.
        """
        outputs = []
        for one, other in zip(identity.split(batch_size), pose.split(batch_size)):
            drawn = None if noise is None else noise.expand(len(one), -1, -1)
            outputs.append(denormalise(self.transfer(normalise(one), normalise(other), drawn)).cpu())
        return torch.cat(outputs)

    def draw_noise(self, batch: int, scale: float, seed: int) -> Tensor:
        """Noise (B, 2, 4m) of a given scale, the same for the same seed on every device."""
        return scale * self.generator.draw_noise(batch, generator=torch.Generator().manual_seed(seed))
