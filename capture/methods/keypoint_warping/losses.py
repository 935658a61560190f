"""The equivariance losses: what is found in a deformed picture must have moved with the picture."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from capture.methods.base import Loss
from capture.methods.keypoint_warping.tps import Deformation
from capture.nn.geometry import inverse, multiply, same_sign


def position_equivariance(found: Tensor, found_deformed: Tensor, deformation: Deformation) -> Tensor:
    """Mean |p - T(p')| over positions p found in a picture and p' in its deformed version, (B, K, 2) each."""
    return (found - deformation.points(found_deformed)).abs().mean()


def frame_equivariance(
    frames: Tensor, frames_deformed: Tensor, positions_deformed: Tensor, deformation: Deformation, either_sign: bool
) -> Tensor:
    """Mean |1 - J^-1 T'(p') J'| over local frames J and J' (B, K, 2, 2), J' found at p' (B, K, 2).

    Args:
        either_sign: a frame and its opposite are the same, as principal axes are.
    """
    carried_back = multiply(deformation.jacobian(positions_deformed), frames_deformed)  # (B, K, 2, 2)
    product = multiply(inverse(frames), carried_back)  # (B, K, 2, 2), the identity for an equivariant network
    if either_sign:
        product = product * same_sign(product)
    return (torch.eye(2, device=frames.device) - product).abs().mean()


def sum_terms(terms: dict[str, Tensor]) -> Loss:
    """The sum of a loss's weighted terms, and the terms as metrics: detached scalars by name."""
    return reduce(torch.add, terms.values()), {name: value.detach() for name, value in terms.items()}
