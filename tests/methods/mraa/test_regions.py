"""Regions of known ellipses have the ellipses' axes."""

import math

import pytest
import torch

from capture.methods.fomm.keypoints import soft_argmax
from capture.methods.mraa.regions import RegionPredictor, covariance, principal_axes
from capture.nn.geometry import gaussians
from tests.helpers.tiny_baselines import MRAA, two_frames


def predictor(**changes) -> RegionPredictor:
    torch.manual_seed(0)
    return RegionPredictor(MRAA["num_regions"], **{**MRAA["region_predictor"], **changes})


@pytest.mark.parametrize("degrees", (0, 30, 75, 120))
def test_pca_of_a_known_ellipse_gives_its_axes(degrees):
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


def test_axes_of_equal_length_or_none_do_not_spoil_the_gradient():
    covar = torch.stack([0.1 * torch.eye(2), torch.zeros(2, 2), torch.diag(torch.tensor([0.4, 0.1]))]).requires_grad_()
    (principal_axes(covar * 1.0) * torch.tensor([[1.0, 2.0], [3.0, 5.0]])).sum().backward()
    assert torch.isfinite(covar.grad).all()
    assert covar.grad[2].abs().max() > 0


@pytest.mark.parametrize(("pca_based", "pad"), [(True, 0), (False, 3)])
def test_frames_measured_or_regressed(pca_based, pad):
    found = predictor(pca_based=pca_based, pad=pad)(two_frames()[0])
    assert found.shift.shape == (2, 3, 2) and found.affine.shape == found.covar.shape == (2, 3, 2, 2)
    torch.testing.assert_close(found.affine @ found.affine.mT, found.covar, atol=1e-6, rtol=1e-5)
    if not pca_based:  # which starts as the identity
        torch.testing.assert_close(found.affine, torch.eye(2).expand(2, 3, 2, 2))


def test_centres_alone():
    found = predictor(pca_based=False, estimate_affine=False)(two_frames()[0])
    assert found.affine is None and found.covar is None


def test_float32_under_bf16_autocast():
    network, image = predictor().eval(), two_frames()[0].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(image)
    exact = network(image)
    assert {part.dtype for part in rough} == {torch.float32}
    torch.testing.assert_close(rough.covar, exact.covar, atol=0.02, rtol=0)
