"""Equivariance: what is found in a deformed picture, carried back, must be what is found in the picture itself."""

from __future__ import annotations

import torch
from torch import Tensor

from capture.methods.keypoint_warping.flow import same_sign
from capture.methods.keypoint_warping.tps import Deformation
from capture.nn.geometry import inverse, multiply


def position_equivariance(found: Tensor, found_deformed: Tensor, deformation: Deformation) -> Tensor:
    """Mean |p - T(p')| over positions found in a picture and in its deformed version, (B, K, 2) each."""
    return (found - deformation.points(found_deformed)).abs().mean()


def frame_equivariance(
    frames: Tensor, frames_deformed: Tensor, positions_deformed: Tensor, deformation: Deformation, either_sign: bool
) -> Tensor:
    """Mean |1 - J^-1 T'(p') J'| over local frames J and J' (B, K, 2, 2), J' found at p' (B, K, 2).

    Args:
        either_sign: a frame and its opposite are the same (principal axes are).
    """
    carried_back = multiply(deformation.jacobian(positions_deformed), frames_deformed)
    difference = multiply(inverse(frames), carried_back)  # the identity, where all is well
    if either_sign:
        difference = difference * same_sign(difference)
    return (torch.eye(2, device=frames.device) - difference).abs().mean()
