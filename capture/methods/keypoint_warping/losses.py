"""The losses of FOMM and MRAA: free functions from tensors to (loss, parts by name).

Parts are detached and carry their published weights, so they compare with the authors' logs. Pictures are (B, 3, S, S)
in [0, 1] here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from capture.methods.fomm.discriminator import Scores
from capture.methods.keypoint_warping.equivariance import frame_equivariance, position_equivariance
from capture.methods.keypoint_warping.tps import Deformation
from capture.methods.mraa.regions import Regions

Perceptual = Callable[[Tensor, Tensor], Tensor]


def fomm_loss(
    details: dict[str, Any],
    truth: Tensor,
    deformation: Deformation,
    perceptual: Perceptual,
    weights: dict[str, Any],
    scores: tuple[list[Scores], list[Scores]] | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What FOMM's detector and generator are to lower together.

    Args:
        details: of Fomm's training pass, with the same `deformation`.
        truth: what is to come out: the driving picture (with true_targets, the identity in its pose).
        weights: generator_gan, feature_matching, equivariance_value, equivariance_jacobian.
        scores: a fixed discriminator's on the prediction and on `truth`; None where generator_gan is 0.
    """
    ours, theirs = details["driving"], details["deformed"]
    parts = {"G_perceptual": perceptual(details["prediction"], truth)}
    if scores is not None:
        fake, real = scores
        parts["G_gan"] = weights["generator_gan"] * sum((1 - score.patches).square().mean() for score in fake)
        parts["G_features"] = feature_matching(fake, real, weights["feature_matching"])
    if weights["equivariance_value"]:
        parts["G_equi_value"] = weights["equivariance_value"] * position_equivariance(
            ours.value, theirs.value, deformation
        )
    if weights["equivariance_jacobian"] and ours.jacobian is not None:
        parts["G_equi_jacobian"] = weights["equivariance_jacobian"] * frame_equivariance(
            ours.jacobian, theirs.jacobian, theirs.value, deformation, either_sign=False
        )
    return _total(parts)


def fomm_discriminator_loss(
    fake: list[Scores], real: list[Scores], weights: dict[str, Any]
) -> tuple[Tensor, dict[str, Tensor]]:
    """LSGAN: real patches towards 1, fake ones towards 0.

    Args:
        fake, real: the scores of a prediction cut off from its generator, and of the driving picture.
        weights: discriminator_gan.
    """
    squares = [(1 - r.patches).square() + f.patches.square() for f, r in zip(fake, real)]
    return _total({"D_gan": weights["discriminator_gan"] * sum(square.mean() for square in squares)})


def feature_matching(fake: list[Scores], real: list[Scores], weights: Sequence[float]) -> Tensor:
    """Weighted L1 between a discriminator's features of a fake and of the real picture, a weight for each block."""
    total = torch.zeros((), device=fake[0].patches.device)
    for f, r in zip(fake, real):
        for weight, ours, theirs in zip(weights, f.features, r.features):
            total = total + weight * (ours.float() - theirs.float()).abs().mean()
    return total


def mraa_loss(
    details: dict[str, Any],
    truth: Tensor,
    deformation: Deformation,
    perceptual: Perceptual,
    weights: dict[str, Any],
    revert_axis_swap: bool = True,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What MRAA's three networks are to lower together.

    Args:
        details: of Mraa's training pass, with the same `deformation`.
        truth: what is to come out: the driving picture (with true_targets, the identity in its pose).
        weights: equivariance_shift, equivariance_affine.
    """
    ours, theirs = details["driving"], details["deformed"]
    parts = {"G_perceptual": perceptual(details["prediction"], truth)}
    if weights["equivariance_shift"]:
        parts["G_equi_shift"] = weights["equivariance_shift"] * position_equivariance(
            ours.shift, theirs.shift, deformation
        )
    if weights["equivariance_affine"] and ours.affine is not None:
        parts["G_equi_affine"] = weights["equivariance_affine"] * frame_equivariance(
            ours.affine, theirs.affine, theirs.shift, deformation, either_sign=revert_axis_swap
        )
    return _total(parts)


def avd_loss(rebuilt: Regions, driving: Regions, weights: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 between a pose's regions and what the AVD network made of them, stretched, and the identity's.

    Args:
        rebuilt: AvdNetwork(source, rescaled driving), of two pictures of one body.  driving: as it was.
        weights: lambda_shift, lambda_affine.
    """
    return _total(
        {
            "A_shift": weights["lambda_shift"] * (driving.shift - rebuilt.shift).abs().mean(),
            "A_affine": weights["lambda_affine"] * (driving.affine - rebuilt.affine).abs().mean(),
        }
    )


def _total(parts: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    return sum(parts.values()), {name: value.detach() for name, value in parts.items()}
