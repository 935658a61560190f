"""FOMM's losses: functions of tensors that return (loss, terms by name).

Terms are detached and carry their published weights, so that they compare with the authors' logs. Pictures are
(B, 3, S, S) in [0, 1] here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from capture.methods.base import Loss
from capture.methods.fomm.discriminator import Scores
from capture.methods.fomm.network import FommDetails
from capture.methods.keypoint_warping.losses import frame_equivariance, position_equivariance, sum_terms
from capture.methods.keypoint_warping.tps import Deformation


def fomm_loss(
    details: FommDetails,
    truth: Tensor,
    deformation: Deformation,
    perceptual: Callable[[Tensor, Tensor], Tensor],
    weights: dict[str, Any],
    scores: tuple[list[Scores], list[Scores]] | None = None,
) -> Loss:
    """The loss of the keypoint detector and the generator.

    Args:
        details: of a forward with the same `deformation`.
        truth: the picture to be produced: the driving one, or with true_targets the identity in its pose.
        weights: generator_gan, feature_matching, equivariance_value, equivariance_jacobian.
        scores: a frozen discriminator's, of the prediction and of `truth`; None where generator_gan is 0.
    """
    driving, deformed = details.driving, details.deformed
    if deformed is None:
        raise ValueError("fomm_loss needs the details of a forward with a deformation")
    terms = {"G_perceptual": perceptual(details.prediction, truth)}
    if scores is not None:
        fake, real = scores
        terms["G_gan"] = weights["generator_gan"] * sum((1 - score.patches).square().mean() for score in fake)
        terms["G_features"] = feature_matching(fake, real, weights["feature_matching"])
    if weights["equivariance_value"]:
        terms["G_equi_value"] = weights["equivariance_value"] * position_equivariance(
            driving.value, deformed.value, deformation
        )
    if weights["equivariance_jacobian"] and driving.jacobian is not None:
        terms["G_equi_jacobian"] = weights["equivariance_jacobian"] * frame_equivariance(
            driving.jacobian, deformed.frames, deformed.value, deformation, either_sign=False
        )
    return sum_terms(terms)


def fomm_discriminator_loss(fake: list[Scores], real: list[Scores], weights: dict[str, Any]) -> Loss:
    """The least-squares GAN loss: real patches towards 1, fake ones towards 0 (Mao et al., ICCV 2017).

    Args:
        fake, real: scores of a detached prediction and of the true picture.
        weights: discriminator_gan.
    """
    squares = [(1 - r.patches).square() + f.patches.square() for f, r in zip(fake, real)]
    return sum_terms({"D_gan": weights["discriminator_gan"] * sum(square.mean() for square in squares)})


def feature_matching(fake: list[Scores], real: list[Scores], weights: Sequence[float]) -> Tensor:
    """Weighted L1 between a discriminator's features of a fake and of the real picture, a weight for each block."""
    total = torch.zeros((), device=fake[0].patches.device)
    for f, r in zip(fake, real):
        for weight, of_fake, of_real in zip(weights, f.features, r.features):
            total = total + weight * (of_fake.float() - of_real.float()).abs().mean()
    return total
