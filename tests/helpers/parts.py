"""Tiny CaPTURe-Parts generators, segmentations that are known exactly, and pairs of random pictures."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from capture.methods.capture_parts.coordinates import cell_centres
from capture.methods.capture_parts.generator import PartsGenerator
from capture.methods.capture_parts.segmenter import FEATURES, Segmentation
from capture.nn.blocks import ConvBlock, InstanceNorm
from capture.nn.init import init_weights
from tests.conftest import tiny_config
from tests.helpers.change_options import change_options

SIZE = 64


def tiny_generator(seed: int = 0, **changes: Any) -> PartsGenerator:
    """A tiny generator with three parts. Changes: key=value of the section, or networks__key=value."""
    options = copy.deepcopy(tiny_config("--method", "capture_parts", "--num_parts", "3")["capture_parts_config"])
    change_options(options, **changes)
    torch.manual_seed(seed)
    generator = PartsGenerator(options)
    init_weights(generator)
    return generator


def moving_parts(generator: PartsGenerator) -> PartsGenerator:
    """The same generator with parts that move: the weights of the head of the part motion are no longer zero."""
    torch.manual_seed(9)
    nn.init.normal_(generator.part_motion.head.weight, std=0.01)
    return generator


def random_pair(count: int = 2, size: int = SIZE, seed: int = 1) -> dict[str, Tensor]:
    """An identity and a pose of noise, (count, 3, size, size) in [-1, 1] each."""
    identity, pose = torch.rand(2, count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return {"identity": identity, "pose": pose}


def certain_segmentation(part: Tensor, parts: int = 3) -> Segmentation:
    """The segmentation that is sure of the part numbers (H, W); its first two features are x and y."""
    logits = 40 * F.one_hot(part, parts + 1).permute(2, 0, 1)[None].float()
    features = torch.zeros(1, FEATURES, *part.shape)
    features[0, :2] = cell_centres(part)
    return Segmentation(logits, features)


def rectangle(top: int, left: int, side: int = 16) -> Tensor:
    """Part numbers (side, side): part 2 is a rectangle of 4 x 6 positions, the rest is background."""
    part = torch.zeros(side, side, dtype=torch.long)
    part[top : top + 4, left : left + 6] = 2
    return part


def biases_before_instance_norm(network: nn.Module) -> set[str]:
    """Names of the biases that an instance norm takes away again, so that their gradients are zero."""
    return {
        f"{name}.conv.bias"
        for name, module in network.named_modules()
        if isinstance(module, ConvBlock) and isinstance(module.norm, InstanceNorm)
    }


def parameters_without_gradient(network: nn.Module) -> set[str]:
    """Names of the parameters whose gradient is missing or zero everywhere."""
    return {
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    }
