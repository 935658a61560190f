"""Flicker of videos: how far neighbouring frames differ where they show the same surface point.

A video is warped from each frame to the one before by the true motion (Lai et al., ECCV 2018, have the same by optical
flow). The truth is not zero itself, since shading changes as a figure turns; what is reported is the difference to it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp_error(earlier: Tensor, later: Tensor, flow: Tensor) -> Tensor:
    """Mean absolute difference of each pixel from the one that showed the same point a frame before.

    Args:
        earlier, later: float (B, 3, H, W) in [0, 1], neighbouring frames.
        flow: (B, H, W, 2): for each pixel of `later`, where `earlier` shows its point, x before y, from -1 to 1 as
            grid_sample has them with align_corners=False; -2 where it doesn't.
    Returns:
        (B,), NaN where no point is seen in both.
    Raises:
        ValueError: shapes that differ.
    """
    if earlier.shape != later.shape or flow.shape != (len(later), *later.shape[-2:], 2):
        raise ValueError(f"shapes differ: {tuple(earlier.shape)}, {tuple(later.shape)}, flow {tuple(flow.shape)}")
    known = (flow > -1.5).all(-1)[:, None].to(later.dtype)  # (B, 1, H, W)
    warped = F.grid_sample(earlier, flow, padding_mode="border", align_corners=False)
    return ((later - warped).abs() * known).flatten(1).sum(1) / (known.flatten(1).sum(1) * later.shape[1])


def flicker(video: Tensor, truth: Tensor, flow: Tensor) -> Tensor:
    """By how much the warp error of a video exceeds the truth's own, a mean over its frames; 0 for the truth.

    Args:
        video, truth: float (T, 3, H, W) in [0, 1], T at least 2.
        flow: (T - 1, H, W, 2) of the truth, see `warp_error`.
    Raises:
        ValueError: shapes that differ.
    """
    own, true = (warp_error(frames[:-1], frames[1:], flow) for frames in (video, truth))
    return torch.nanmean(own - true)
