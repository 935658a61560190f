"""Keypoints are where heat maps say, in float32, with Jacobians that start as identities."""

import pytest
import torch

from capture.methods.fomm.keypoints import KeypointDetector, heat_maps, soft_argmax, weighted_matrices
from capture.nn.geometry import gaussians
from tests.helpers.tiny_baselines import FOMM, two_frames


def detector(**changes) -> KeypointDetector:
    torch.manual_seed(0)
    return KeypointDetector(FOMM["num_kp"], **{**FOMM["kp_detector"], **changes})


def test_soft_argmax_of_a_gaussian_is_its_centre():
    centres = torch.tensor([[[0.25, -0.5], [0.0, 0.3]]])
    heat = gaussians(centres, 0.01, 40, 50)
    torch.testing.assert_close(soft_argmax(heat / heat.sum(dim=(2, 3), keepdim=True)), centres, atol=1e-4, rtol=0)


def test_temperature_sharpens():
    logits = torch.zeros(1, 1, 5, 5)
    logits[0, 0, 1, 3] = 1
    soft, sharp = (soft_argmax(heat_maps(logits, t))[0, 0] for t in (1.0, 0.1))
    assert torch.equal(torch.sign(soft), torch.sign(sharp)) and (sharp.abs() > soft.abs()).all()
    torch.testing.assert_close(sharp, torch.tensor([0.5, -0.5]), atol=1e-2, rtol=0)
    torch.testing.assert_close(heat_maps(logits, 0.1).sum(dim=(2, 3)), torch.ones(1, 1))


@pytest.mark.parametrize("single", (True, False))
def test_jacobians_start_as_identities_and_are_means_under_the_heat(single):
    found = detector(single_jacobian_map=single)(two_frames()[0])
    torch.testing.assert_close(found.jacobian, torch.eye(2).expand(2, 3, 2, 2))
    heat = torch.zeros(1, 2, 3, 3)
    heat[0, 0, 0, 1], heat[0, 1, 2, 2] = 1, 1
    maps = torch.arange(36.0).reshape(1, 4, 3, 3)
    matrices = weighted_matrices(heat, maps if single else maps.repeat(1, 2, 1, 1))
    assert matrices[0, 0].tolist() == [[1, 10], [19, 28]] and matrices[0, 1].tolist() == [[8, 17], [26, 35]]


def test_float32_under_bf16_autocast_and_close_to_it():
    network, image = detector().eval(), two_frames()[0].contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = network(image)
    with torch.no_grad():
        exact = network(image)
    assert rough.value.dtype == rough.jacobian.dtype == torch.float32
    torch.testing.assert_close(rough.value, exact.value, atol=0.05, rtol=0)
    sums = heat_maps(torch.randn(1, 2, 9, 9).bfloat16(), 0.1).sum(dim=(2, 3))
    torch.testing.assert_close(sums, torch.ones(1, 2))  # bfloat16 would be off in the third digit


def test_positions_alone():
    assert detector(estimate_jacobian=False)(two_frames()[0]).jacobian is None
