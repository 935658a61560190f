"""Flicker of a video: how much neighbouring frames differ once the known motion is taken out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp_error(frames: Tensor, flows: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean absolute difference between each frame and the next one warped back to it (Lai et al. 2018, equation 11).

    Args:
        frames: float (T, 3, H, W) in [0, 1], T of 2 or more.
        flows: float (T - 1, 2, H, W), x and y in pixels: what is at p in frame t is at p + flow in frame t + 1.
        valid: bool (T - 1, H, W), false where the point is hidden in the next frame; None: everywhere. A point that
            leaves the picture never counts.
    Returns:
        (T - 1,); NaN where no point counts.
    Raises:
        ValueError: shapes that don't fit.
    """
    steps, height, width = len(frames) - 1, *frames.shape[-2:]
    if steps < 1 or flows.shape != (steps, 2, height, width):
        raise ValueError(
            f"frames {tuple(frames.shape)} need flows of {(steps, 2, height, width)}: {tuple(flows.shape)}"
        )
    x = torch.arange(width, dtype=flows.dtype, device=flows.device) + flows[:, 0]  # (T - 1, H, W)
    y = torch.arange(height, dtype=flows.dtype, device=flows.device)[:, None] + flows[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    counted = (inside if valid is None else inside & valid)[:, None].to(frames.dtype)  # (T - 1, 1, H, W)
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1).to(frames.dtype)
    warped = F.grid_sample(frames[1:], grid, align_corners=True, padding_mode="border")  # (T - 1, 3, H, W)
    difference = (warped - frames[:-1]).abs() * counted
    return difference.flatten(1).sum(1) / (counted.flatten(1).sum(1) * frames.shape[1])  # 0 / 0 is NaN


def flicker(frames: Tensor, truth: Tensor, flows: Tensor, valid: Tensor | None = None) -> float:
    """How much more a video flickers than its truth: its mean warp error, less that of the truth by the same flows.

    The truth's own warp error holds what the flow can't say (shading, occlusion, resampling), so 0 is as steady as the
    truth. A video without detail is steady too: read the number beside LPIPS.

    Args:
        frames, truth: float (T, 3, H, W) in [0, 1].  flows, valid: of the truth, see `warp_error`.
    Returns:
        NaN where no point counts in any frame.
    """
    if frames.shape != truth.shape:
        raise ValueError(f"videos of different sizes: {tuple(frames.shape)} and {tuple(truth.shape)}")
    return float((warp_error(frames, flows, valid) - warp_error(truth, flows, valid)).nanmean())
