"""Weights for pictures of one size, rewritten for larger pictures: each position becomes a larger square of pixels.

What read one pixel reads the mean of a block, and what predicted a pixel predicts one value for a whole block. So the
rewritten weights find the same parts and the same layout in an enlarged picture. Painting begins with blocks of one
colour, which a short training of the refiner resolves; pixels that come from the identity's picture are as sharp as the
larger picture at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Convolutions that read pixels: how many of their input channels come first and are none. Those that predict pixels.
_READ = {
    "segmenter.stem.conv": 0,
    "identity_encoder.conv_layer.conv": 0,
    "pose_encoder.conv_layer.conv": 0,
    "refiner.in_conv.conv": None,  # all but the last 5 patch² channels: warped, background and visibility
}
_PREDICT = ("layout.logits_head", "refiner.colour.conv", "refiner.alpha.conv", "refiner.figure.conv")
_REFINER_PIXELS = 5  # channels of a pixel that the refiner reads


def enlarge_patches(weights: dict[str, Tensor], before: int, after: int) -> dict[str, Tensor]:
    """The parameters of a PartsGenerator with patch_size `before`, by name, for one with patch_size `after`.

    Raises:
        ValueError: `after` is no multiple of `before`.
    """
    if after % before:
        raise ValueError(
            f"capture_parts_config.patch_size {after} must be a multiple of {before}, that of the weights to start from"
        )
    made = dict(weights)
    for name, first in _READ.items():
        weight = weights[f"{name}.weight"]
        if first is None:
            first = weight.shape[1] - _REFINER_PIXELS * before**2
        blocks = _repeat(weight[:, first:].transpose(0, 1), before, after).transpose(0, 1)
        made[f"{name}.weight"] = torch.cat([weight[:, :first], blocks / (after // before) ** 2], dim=1)
    for name in _PREDICT:
        for end in ("weight", "bias"):
            if f"{name}.{end}" in weights:
                made[f"{name}.{end}"] = _repeat(weights[f"{name}.{end}"], before, after)
    return made


def _repeat(x: Tensor, before: int, after: int) -> Tensor:
    """(C before², ...) -> (C after², ...), channels as pixel_unshuffle orders them: each pixel becomes a block."""
    factor = after // before
    blocks: Tensor = x.unflatten(0, (-1, before, before))  # (C, rows, columns, ...)
    return blocks.repeat_interleave(factor, 1).repeat_interleave(factor, 2).flatten(0, 2)
