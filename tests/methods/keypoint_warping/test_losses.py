"""The losses by hand."""

import pytest
import torch

from capture.methods.fomm.discriminator import Scores
from capture.methods.fomm.keypoints import Keypoints
from capture.methods.keypoint_warping.losses import (
    avd_loss,
    feature_matching,
    fomm_discriminator_loss,
    fomm_loss,
    mraa_loss,
)
from capture.methods.keypoint_warping.tps import AFFINE, Deformation
from capture.methods.mraa.avd import rescale, stretch_factors
from capture.methods.mraa.regions import Regions

WEIGHTS = {
    "generator_gan": 2,
    "discriminator_gan": 3,
    "feature_matching": [10, 100],
    "equivariance_value": 5,
    "equivariance_jacobian": 7,
    "equivariance_shift": 5,
    "equivariance_affine": 7,
}
STILL = Deformation(torch.zeros(2, AFFINE + 25))


def flat_scores(patch: float, *features: float) -> list[Scores]:
    return [Scores(torch.full((2, 1, 3, 3), patch), [torch.full((2, 4, 5, 5), f) for f in features])]


def l1(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).abs().mean()


def shifted(kind, by: float) -> dict:
    """A training pass whose keypoints or regions lie `by` apart in the two pictures, their frames twice as large."""
    here, frames = torch.zeros(2, 3, 2), torch.eye(2).expand(2, 3, 2, 2)
    prediction = torch.full((2, 3, 8, 8), 0.25)
    return {"prediction": prediction, "driving": kind(here + by, frames), "deformed": kind(here, 2 * frames)}


def test_fomm_is_the_weighted_sum():
    scores = (flat_scores(0.5, 1.0, 2.0), flat_scores(0.9, 1.5, 2.25))
    loss, parts = fomm_loss(shifted(Keypoints, 0.1), torch.full((2, 3, 8, 8), 0.5), STILL, l1, WEIGHTS, scores)
    want = {
        "G_perceptual": 0.25,
        "G_gan": 2 * 0.25,
        "G_features": 10 * 0.5 + 100 * 0.25,
        "G_equi_value": 5 * 0.1,
        "G_equi_jacobian": 7 * 0.5,  # |1 - 2| on the diagonal, 0 beside it
    }
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(want, rel=1e-5)
    assert loss.item() == pytest.approx(sum(want.values()), rel=1e-5)


def test_parts_without_weight_are_not_computed():
    weights = {**WEIGHTS, "equivariance_value": 0, "equivariance_jacobian": 0}
    _, parts = fomm_loss(shifted(Keypoints, 0.1), torch.zeros(2, 3, 8, 8), STILL, l1, weights)
    assert list(parts) == ["G_perceptual"]


def test_mraa_takes_either_sign_of_an_axis():
    details = shifted(Regions, 0.1)
    details["deformed"] = details["deformed"]._replace(affine=-details["deformed"].affine)
    _, either = mraa_loss(details, torch.full((2, 3, 8, 8), 0.5), STILL, l1, WEIGHTS)
    want = {"G_perceptual": 0.25, "G_equi_shift": 5 * 0.1, "G_equi_affine": 7 * 0.5}
    assert {name: part.item() for name, part in either.items()} == pytest.approx(want, rel=1e-5)
    _, strict = mraa_loss(details, torch.zeros(2, 3, 8, 8), STILL, l1, WEIGHTS, revert_axis_swap=False)
    assert strict["G_equi_affine"].item() == pytest.approx(7 * 1.5, rel=1e-5)


def test_least_squares_gan():
    loss, parts = fomm_discriminator_loss(flat_scores(0.5), flat_scores(0.9), WEIGHTS)
    assert loss.item() == pytest.approx(3 * (0.01 + 0.25), rel=1e-5) and parts["D_gan"] == loss


def test_features_are_matched_in_float32():
    fake = flat_scores(0, 1.0)[0]._replace(features=[torch.full((1, 1, 64, 64), 1.0).bfloat16()])
    real = fake._replace(features=[torch.full((1, 1, 64, 64), 1.0078125).bfloat16()])
    assert feature_matching([fake], [real], [1]).item() == pytest.approx(0.0078125, rel=1e-6)


def test_avd_asks_for_the_pose_as_it_was():
    regions = Regions(torch.rand(2, 3, 2), torch.rand(2, 3, 2, 2))
    loss, parts = avd_loss(regions, regions, {"lambda_shift": 1, "lambda_affine": 1})
    assert loss == 0
    off = Regions(regions.shift + 0.5, regions.affine - 0.25)
    loss, parts = avd_loss(off, regions, {"lambda_shift": 2, "lambda_affine": 4})
    assert parts["A_shift"].item() == pytest.approx(1) and parts["A_affine"].item() == pytest.approx(1)


def test_bodies_are_stretched_along_x_and_y():
    regions = Regions(torch.ones(1, 2, 2), torch.ones(1, 2, 2, 2))
    other = rescale(regions, stretch_factors(torch.tensor([[0.0, 1.0]]), 0.25))
    assert other.shift[0, 0].tolist() == [0.75, 1.25]
    assert other.affine[0, 1].tolist() == [[0.75, 0.75], [1.25, 1.25]]
