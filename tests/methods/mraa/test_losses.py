"""MRAA's losses, worked out by hand."""

import dataclasses

import pytest
import torch

from capture.methods.keypoint_warping.tps import AFFINE, Deformation
from capture.methods.mraa.losses import avd_loss, mraa_loss
from capture.methods.mraa.network import MraaDetails
from capture.methods.mraa.regions import Regions

WEIGHTS = {"equivariance_shift": 5, "equivariance_affine": 7}
STILL = Deformation(torch.zeros(2, AFFINE + 25))


def l1(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).abs().mean()


def shifted_regions(by: float) -> MraaDetails:
    """Details whose regions lie `by` apart in the two pictures, with frames of opposite sign, twice as large."""
    here, frames = torch.zeros(2, 3, 2), torch.eye(2).expand(2, 3, 2, 2)
    image = torch.full((2, 3, 8, 8), 0.25)
    driving = Regions(here + by, frames)
    return MraaDetails(2 * image - 1, image, driving, driving, Regions(here, -2 * frames), rebuilt=None, motion=None)


class TestMraaLoss:
    def test_mraa_loss_takes_either_sign_of_an_axis_with_revert_axis_swap(self):
        details, truth = shifted_regions(0.1), torch.full((2, 3, 8, 8), 0.5)
        loss, either = mraa_loss(details, truth, STILL, l1, WEIGHTS, revert_axis_swap=True)
        want = {"G_perceptual": 0.25, "G_equi_shift": 5 * 0.1, "G_equi_affine": 7 * 0.5}
        assert {name: term.item() for name, term in either.items()} == pytest.approx(want, rel=1e-5)
        assert loss.item() == pytest.approx(sum(want.values()), rel=1e-5)
        _, strict = mraa_loss(details, truth, STILL, l1, WEIGHTS, revert_axis_swap=False)
        assert strict["G_equi_affine"].item() == pytest.approx(7 * 1.5, rel=1e-5)

    def test_terms_without_weight_or_frames_are_not_computed(self):
        details, truth = shifted_regions(0.1), torch.full((2, 3, 8, 8), 0.5)
        none = {"equivariance_shift": 0, "equivariance_affine": 0}
        assert list(mraa_loss(details, truth, STILL, l1, none, True)[1]) == ["G_perceptual"]
        centres = dataclasses.replace(details, driving=Regions(details.driving.shift))
        assert list(mraa_loss(centres, truth, STILL, l1, WEIGHTS, True)[1]) == ["G_perceptual", "G_equi_shift"]


class TestAvdLoss:
    def test_avd_loss_asks_for_the_pose_as_it_was(self):
        rng = torch.Generator().manual_seed(1)
        regions = Regions(torch.rand(2, 3, 2, generator=rng), torch.rand(2, 3, 2, 2, generator=rng))
        loss, _ = avd_loss(regions, regions, {"lambda_shift": 1, "lambda_affine": 1})
        assert loss == 0
        off = Regions(regions.shift + 0.5, regions.affine - 0.25)
        loss, terms = avd_loss(off, regions, {"lambda_shift": 2, "lambda_affine": 4})
        assert terms["A_shift"].item() == pytest.approx(1) and terms["A_affine"].item() == pytest.approx(1)
        assert loss.item() == pytest.approx(2)
