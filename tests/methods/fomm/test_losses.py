"""FOMM's losses, worked out by hand."""

import pytest
import torch

from capture.methods.fomm.discriminator import Scores
from capture.methods.fomm.keypoints import Keypoints
from capture.methods.fomm.losses import feature_matching, fomm_discriminator_loss, fomm_loss
from capture.methods.fomm.network import FommDetails
from capture.methods.keypoint_warping.tps import AFFINE, Deformation

WEIGHTS = {
    "generator_gan": 2,
    "discriminator_gan": 3,
    "feature_matching": [10, 100],
    "equivariance_value": 5,
    "equivariance_jacobian": 7,
}
STILL = Deformation(torch.zeros(2, AFFINE + 25))


def flat_scores(patch: float, *features: float) -> list[Scores]:
    return [Scores(torch.full((2, 1, 3, 3), patch), [torch.full((2, 4, 5, 5), f) for f in features])]


def l1(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).abs().mean()


def shifted_keypoints(by: float) -> FommDetails:
    """Details whose keypoints lie `by` apart in the two pictures, with Jacobians twice as large in the deformed one."""
    here, frames = torch.zeros(2, 3, 2), torch.eye(2).expand(2, 3, 2, 2)
    image = torch.full((2, 3, 8, 8), 0.25)
    driving = Keypoints(here + by, frames)
    return FommDetails(2 * image - 1, image, driving, driving, Keypoints(here, 2 * frames), motion=None)


class TestFommLoss:
    def test_fomm_loss_is_the_weighted_sum_of_its_terms(self):
        scores = (flat_scores(0.5, 1.0, 2.0), flat_scores(0.9, 1.5, 2.25))
        loss, terms = fomm_loss(shifted_keypoints(0.1), torch.full((2, 3, 8, 8), 0.5), STILL, l1, WEIGHTS, scores)
        want = {
            "G_perceptual": 0.25,
            "G_gan": 2 * 0.25,
            "G_features": 10 * 0.5 + 100 * 0.25,
            "G_equi_value": 5 * 0.1,
            "G_equi_jacobian": 7 * 0.5,  # |1 - 2| on the diagonal, 0 beside it
        }
        assert {name: term.item() for name, term in terms.items()} == pytest.approx(want, rel=1e-5)
        assert loss.item() == pytest.approx(sum(want.values()), rel=1e-5)

    def test_terms_without_weight_are_not_computed(self):
        weights = {**WEIGHTS, "equivariance_value": 0, "equivariance_jacobian": 0}
        _, terms = fomm_loss(shifted_keypoints(0.1), torch.zeros(2, 3, 8, 8), STILL, l1, weights)
        assert list(terms) == ["G_perceptual"]

    def test_discriminator_loss_is_least_squares(self):
        loss, terms = fomm_discriminator_loss(flat_scores(0.5), flat_scores(0.9), WEIGHTS)
        assert loss.item() == pytest.approx(3 * (0.01 + 0.25), rel=1e-5) and terms["D_gan"] == loss

    def test_features_are_matched_in_float32(self):
        fake = flat_scores(0, 1.0)[0]._replace(features=[torch.full((1, 1, 64, 64), 1.0).bfloat16()])
        real = fake._replace(features=[torch.full((1, 1, 64, 64), 1.0078125).bfloat16()])
        assert feature_matching([fake], [real], [1]).item() == pytest.approx(0.0078125, rel=1e-6)
