"""MRAA as one network: transfer in three modes, the training pass, learning."""

import pytest
import torch
from capture.methods.keypoint_warping.ranges import to_unit

from capture.methods.keypoint_warping.losses import avd_loss, mraa_loss
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.methods.mraa.avd import rescale, stretch_factors
from capture.nn.perceptual import PerceptualLoss
from tests.helpers.tiny_baselines import SIZE, tiny_mraa, two_frames

WEIGHTS = {"equivariance_shift": 10, "equivariance_affine": 10}
AVD_WEIGHTS = {"lambda_shift": 1, "lambda_affine": 1}
PERCEPTUAL = PerceptualLoss(None, (10,), (1, 0.5))


def a_deformation(seed: int = 1) -> Deformation:
    return Deformation(draw_deformations(2, 5, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"region_predictor__pca_based": False, "region_predictor__pad": 3},
        {"background__bg_type": "shift"},
        {"background__bg_type": "perspective"},
        {"background__bg_type": "zero"},
        {"generator__skips": False},
        {"revert_axis_swap": False},
        {"align_corners": True},
        {"estimate_affine": False, "region_predictor__pca_based": False, "pixelwise_flow__use_covar_heatmap": False},
        {"pixelwise_flow__use_deformed_source": False},
        {"pixelwise_flow__estimate_occlusion_map": False, "generator__skips": False},
    ],
)
def test_every_parameter_learns_and_pictures_stay_in_range(changes):
    network, x, y = tiny_mraa(**changes), *two_frames()
    image = network(x, y)
    assert image.shape == x.shape and image.dtype == torch.float32 and image.abs().max() <= 1
    deformation = a_deformation()
    details = network(x, y, details=True, deformation=deformation)
    mraa_loss(details, to_unit(y), deformation, PERCEPTUAL, WEIGHTS)[0].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        # batch norm takes the bias before it away; the camera's weights start at 0 and let nothing through
        dead = name.endswith("bias") and ("blocks" in name or "first" in name or ".r0.conv1" in name)
        assert dead or "bg_predictor.encoder" in name or parameter.grad.abs().sum() > 0, name


def test_the_background_learns_once_its_head_has():
    network, x, y = tiny_mraa(), *two_frames()
    torch.nn.init.normal_(network.bg_predictor.fc.weight, 0, 0.1)
    network(x, y, details=True)["prediction"].square().mean().backward()
    for name, parameter in network.bg_predictor.named_parameters():
        assert parameter.grad.abs().sum() > 0 or name.endswith("conv.bias"), name


def test_transfer_leaves_the_background_still_and_reconstruction_moves_it():
    network, x, y = tiny_mraa().eval(), *two_frames()
    torch.testing.assert_close(network.reconstruct(x, y), network(x, y))  # the camera starts still
    with torch.no_grad():
        network.bg_predictor.fc.bias[2] = 0.5
    assert not torch.allclose(network.reconstruct(x, y), network(x, y), atol=1e-3)


def test_modes():
    network, x, y = tiny_mraa(avd=True).eval(), *two_frames()
    absolute = network(x, y)
    assert torch.equal(absolute, network(x, y, torch.randn(2, 4)))  # noise is ignored
    assert torch.equal(network.transfer(x, y), absolute)
    assert not torch.equal(network.transfer(x, y, mode="avd"), absolute)
    still = network.transfer_relative(x, y, y)  # moves and turns nothing, though it shows the driver's covariances
    assert still.shape == x.shape and not torch.equal(still, absolute)
    network.mode = "avd"
    assert torch.equal(network(x, y), network.transfer(x, y, mode="avd"))


def test_modes_that_cannot_be_are_refused():
    network, (x, y) = tiny_mraa(), two_frames()
    with pytest.raises(ValueError, match="mode avd needs an AVD network"):
        network.transfer(x, y, mode="avd")
    with pytest.raises(ValueError, match="mode relative needs first_pose"):
        network.transfer(x, y, mode="relative")
    with pytest.raises(ValueError, match="mode 'sideways' is none of absolute, relative, avd"):
        tiny_mraa(mode="sideways")
    with pytest.raises(ValueError, match="generator.skips without pixelwise_flow.estimate_occlusion_map"):
        tiny_mraa(pixelwise_flow__estimate_occlusion_map=False)
    with pytest.raises(ValueError, match="bg_type 'none' is none of zero, shift, affine, perspective"):
        tiny_mraa(background__bg_type="none")


def test_the_avd_network_learns_beside_the_rest_and_apart_from_it():
    network, x, y = tiny_mraa(avd=True), *two_frames()
    factors = stretch_factors(torch.rand(2, 2, generator=torch.Generator().manual_seed(1)))
    details = network(x, y, details=True, stretch=factors)
    avd_loss(details["rebuilt"], details["driving"].detach(), AVD_WEIGHTS)[0].backward()
    for name, parameter in network.named_parameters():
        dead = name.endswith(("0.bias", "3.bias", "6.bias"))  # before batch norm
        reached = parameter.grad is not None and (dead or parameter.grad.abs().sum() > 0)
        assert reached == name.startswith("avd_network"), name
    apart = network.avd_network(details["source"].detach(), rescale(details["driving"].detach(), factors))
    torch.testing.assert_close(apart.shift, details["rebuilt"].shift)
    assert tiny_mraa()(x, y, details=True, stretch=factors)["rebuilt"] is None


def test_the_avd_network_learns_to_rebuild_a_pose():
    network, (x, y) = tiny_mraa(avd=True), two_frames(batch=8)
    with torch.no_grad():
        source, driving = network.region_predictor(x), network.region_predictor(y)
    optimiser, rng = torch.optim.Adam(network.avd_network.parameters(), 1e-3), torch.Generator().manual_seed(1)
    history = []
    for _ in range(30):
        rebuilt = network.avd_network(source, rescale(driving, stretch_factors(torch.rand(8, 2, generator=rng))))
        loss, _ = avd_loss(rebuilt, driving, AVD_WEIGHTS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < 0.5 * history[0]


def test_avd_is_float32_under_autocast_and_takes_either_sign_of_the_identity():
    network, (x, y) = tiny_mraa(avd=True).eval(), two_frames()
    source, driving = network.region_predictor(x), network.region_predictor(y)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network.avd_network(source, driving)
    exact = network.avd_network(source._replace(affine=-source.affine), driving)
    for a, b in zip(rough, exact):
        torch.testing.assert_close(a, b)


def test_bf16_autocast_and_channels_last_come_close():
    network, (x, y) = tiny_mraa().eval(), two_frames()
    exact = network(x, y)
    x, y = (image.contiguous(memory_format=torch.channels_last) for image in (x, y))
    network = network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(x, y), exact, atol=1e-5, rtol=0)
    with torch.autocast("cpu", torch.bfloat16):
        details = network(x, y, details=True, deformation=a_deformation())
    assert details["image"].dtype == details["motion"].flow.dtype == details["source"].affine.dtype == torch.float32
    assert (details["image"] - exact).abs().mean() < 0.03


def test_a_few_steps_reduce_the_loss_on_one_batch():
    network, (x, y) = tiny_mraa(), two_frames()
    optimiser, deformation = torch.optim.Adam(network.parameters(), 5e-3, betas=(0.5, 0.999)), a_deformation()
    history = []
    for _ in range(25):
        details = network(x, y, details=True, deformation=deformation)
        loss, parts = mraa_loss(details, to_unit(y), deformation, PERCEPTUAL, WEIGHTS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(parts["G_perceptual"].item() + parts["G_equi_shift"].item())
    assert history[-1] < 0.7 * history[0]


@pytest.mark.parametrize(
    ("changes", "size", "message"),
    [
        ({}, 36, "multiple of 8 for region_predictor"),
        ({"pixelwise_flow__num_blocks": 3}, 48, "multiple of 32 for pixelwise_flow"),
        ({"background__num_blocks": 6}, 32, "multiple of 64 for background"),
        ({"region_predictor__scale_factor": 0.25}, 16, "leaves region_predictor heat maps of 0 positions"),
    ],
)
def test_sizes_that_do_not_fit_name_the_rule(changes, size, message):
    with pytest.raises(ValueError, match=message):
        tiny_mraa(**changes).check_size(size)
    tiny_mraa().check_size(SIZE)
