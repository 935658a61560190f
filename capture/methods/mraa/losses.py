"""MRAA's losses: functions of tensors that return (loss, terms by name).

Terms are detached and carry their published weights, so that they compare with the authors' logs. Pictures are
(B, 3, S, S) in [0, 1] here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from capture.methods.base import Loss
from capture.methods.keypoint_warping.losses import frame_equivariance, position_equivariance, sum_terms
from capture.methods.keypoint_warping.tps import Deformation
from capture.methods.mraa.network import MraaDetails
from capture.methods.mraa.regions import Regions


def mraa_loss(
    details: MraaDetails,
    truth: Tensor,
    deformation: Deformation,
    perceptual: Callable[[Tensor, Tensor], Tensor],
    weights: dict[str, Any],
    revert_axis_swap: bool,
) -> Loss:
    """The loss of the region predictor, the background predictor and the generator.

    Args:
        details: of a forward with the same `deformation`.
        truth: the picture to be produced: the driving one, or with true_targets the identity in its pose.
        weights: equivariance_shift, equivariance_affine.
        revert_axis_swap: a region's frame and its opposite are the same.
    """
    driving, deformed = details.driving, details.deformed
    if deformed is None:
        raise ValueError("mraa_loss needs the details of a forward with a deformation")
    terms = {"G_perceptual": perceptual(details.prediction, truth)}
    if weights["equivariance_shift"]:
        terms["G_equi_shift"] = weights["equivariance_shift"] * position_equivariance(
            driving.shift, deformed.shift, deformation
        )
    if weights["equivariance_affine"] and driving.affine is not None:
        terms["G_equi_affine"] = weights["equivariance_affine"] * frame_equivariance(
            driving.affine, deformed.frames, deformed.shift, deformation, either_sign=revert_axis_swap
        )
    return sum_terms(terms)


def avd_loss(rebuilt: Regions, driving: Regions, weights: dict[str, Any]) -> Loss:
    """L1 between a pose's regions and what the AVD network made of the identity's and of the pose's, stretched.

    Args:
        rebuilt: AvdNetwork(source, rescaled driving), of two pictures of one body.
        driving: the pose's regions, not stretched.
        weights: lambda_shift, lambda_affine.
    """
    return sum_terms(
        {
            "A_shift": weights["lambda_shift"] * (driving.shift - rebuilt.shift).abs().mean(),
            "A_affine": weights["lambda_affine"] * (driving.frames - rebuilt.frames).abs().mean(),
        }
    )
