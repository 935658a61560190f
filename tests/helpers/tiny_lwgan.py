"""What the tests of Liquid Warping GAN share: the smallest configuration, figures with maps, and the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from capture.methods.lwgan.generator import LiquidWarpingGenerator
from capture.methods.lwgan.method import Method
from capture.methods.lwgan.options import Options

SIZE = 32


def lwgan_options(**changes: Any) -> dict[str, Any]:
    """`lwgan_config` as published, made tiny; sections are given as dicts of what changes in them."""
    options = Options().model_dump()["lwgan_config"]
    tiny = {"conv_dim": 4, "repeat_num": 1, "discriminator": {"ndf": 4, "n_layers": 3}, "perceptual": "none"}
    for key, value in {**tiny, **changes}.items():
        assert key in options, key
        options[key] = {**options[key], **value} if isinstance(value, dict) else value
    return options


def tiny_generator(**changes: Any) -> LiquidWarpingGenerator:
    """A tiny generator with fixed weights, large enough that every stream shows in the picture."""
    torch.manual_seed(0)
    return LiquidWarpingGenerator(lwgan_options(**changes))


def tiny_method(**changes: Any) -> Method:
    torch.manual_seed(0)
    config = {"lwgan_config": lwgan_options(**changes), "dataset_config": {"image_size": SIZE}}
    method = Method(config)
    method.init_weights()
    return method


def figure_map(left: int, top: int, size: int = SIZE) -> Tensor:
    """uint8 (3, size, size): parts 1 and 2 beside each other, each 8 wide and 16 high; no code occurs twice."""
    uv = torch.zeros(3, size, size, dtype=torch.uint8)
    for part in (1, 2):
        at = slice(left + 8 * (part - 1), left + 8 * part)
        uv[0, top : top + 16, at] = part
        uv[1, top : top + 16, at] = torch.arange(8, dtype=torch.uint8) * 16
        uv[2, top : top + 16, at] = torch.arange(16, dtype=torch.uint8)[:, None] * 15
    return uv


def tiny_batch(count: int = 2) -> dict[str, Tensor]:
    """A batch whose four roles have figures at four places, all with maps and targets."""
    generator = torch.Generator().manual_seed(1)
    batch: dict[str, Tensor] = {}
    places = {"identity": (4, 6), "real": (9, 10), "pose": (12, 3), "target": (7, 13)}
    for role, (left, top) in places.items():
        uv = torch.stack([figure_map(left + i, top) for i in range(count)])
        colour = torch.rand(count, 3, SIZE, SIZE, generator=generator) * 2 - 1
        batch[role] = torch.where(uv[:, :1] > 0, colour, 0.9)
        batch[role + "_uv"] = uv
    batch["has_target"] = torch.ones(count, dtype=torch.bool)
    return batch


def reference(shared: Path, name: str) -> dict[str, Tensor]:
    """Tensors of reference/lwgan/<name>.safetensors."""
    return load_file(shared / "reference" / "lwgan" / f"{name}.safetensors")


def reference_generator(shared: Path) -> LiquidWarpingGenerator:
    """A generator of the reference's size with the reference's weights."""
    options = lwgan_options(conv_dim=8, repeat_num=2, kernels={"background": 15})
    generator = LiquidWarpingGenerator(options)
    generator.load_state_dict(reference(shared, "generator_state"))
    return generator
