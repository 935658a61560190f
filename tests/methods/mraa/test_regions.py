"""Regions of known ellipses have the ellipses' axes."""

import math

import pytest
import torch

from capture.methods.keypoint_warping.heat_maps import soft_argmax
from capture.methods.mraa.regions import RegionPredictor, covariance, principal_axes
from capture.nn.geometry import gaussians
from tests.helpers.tiny_baselines import tiny_options, two_frames


def predictor(estimate_affine: bool = True, **changes) -> RegionPredictor:
    torch.manual_seed(0)
    options = tiny_options("mraa")
    return RegionPredictor(
        options["num_regions"], estimate_affine=estimate_affine, **{**options["region_predictor"], **changes}
    )


class TestPrincipalAxes:
    @pytest.mark.parametrize("degrees", (0, 30, 75, 120))
    def test_principal_axes_of_a_known_ellipse(self, degrees):
        angle = math.radians(degrees)
        turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        covar = turn @ torch.diag(torch.tensor([0.15, 0.05]) ** 2) @ turn.T
        centre = torch.tensor([[[0.1, -0.2]]])
        heat = gaussians(centre, covar[None, None], 80, 80)
        heat = heat / heat.sum()
        measured = covariance(heat, soft_argmax(heat))
        torch.testing.assert_close(measured[0, 0], covar, atol=1e-4, rtol=0)
        axes = principal_axes(measured)[0, 0]
        torch.testing.assert_close(axes.norm(dim=0), torch.tensor([0.15, 0.05]), atol=1e-3, rtol=0)
        assert abs(axes[:, 0] @ turn[:, 0]).item() == pytest.approx(0.15, abs=1e-3)  # along it, either way
        torch.testing.assert_close(axes @ axes.T, measured[0, 0], atol=1e-6, rtol=0)

    def test_principal_axes_of_equal_or_no_length_have_a_finite_gradient(self):
        covar = torch.stack(
            [0.1 * torch.eye(2), torch.zeros(2, 2), torch.diag(torch.tensor([0.4, 0.1]))]
        ).requires_grad_()
        (principal_axes(covar * 1.0) * torch.tensor([[1.0, 2.0], [3.0, 5.0]])).sum().backward()
        assert torch.isfinite(covar.grad).all()
        assert covar.grad[2].abs().max() > 0


class TestRegionPredictor:
    @pytest.mark.parametrize(("pca_based", "pad"), [(True, 0), (False, 3)])
    def test_frames_are_measured_or_regressed(self, pca_based, pad):
        found = predictor(pca_based=pca_based, pad=pad)(two_frames()[0])
        assert found.shift.shape == (2, 3, 2) and found.affine.shape == found.covar.shape == (2, 3, 2, 2)
        torch.testing.assert_close(found.affine @ found.affine.mT, found.covar, atol=1e-6, rtol=1e-5)
        if not pca_based:  # which starts as the identity
            torch.testing.assert_close(found.affine, torch.eye(2).expand(2, 3, 2, 2))

    def test_centres_alone_have_no_frames(self):
        found = predictor(pca_based=False, estimate_affine=False)(two_frames()[0])
        assert found.affine is None and found.covar is None

    def test_regions_are_float32_under_bf16_autocast(self):
        network, image = predictor().eval(), two_frames()[0].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(image)
        exact = network(image)
        assert {part.dtype for part in rough} == {torch.float32}
        torch.testing.assert_close(rough.covar, exact.covar, atol=0.02, rtol=0)
