"""FOMM as one network: transfer, the training pass, relative motion, learning."""

import pytest
import torch
from capture.methods.keypoint_warping.init import initialise
from capture.methods.keypoint_warping.ranges import to_unit

from capture.methods.keypoint_warping.losses import fomm_discriminator_loss, fomm_loss
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.nn.perceptual import PerceptualLoss
from tests.helpers.tiny_baselines import SIZE, tiny_discriminator, tiny_fomm, two_frames

WEIGHTS = {
    "generator_gan": 1,
    "discriminator_gan": 1,
    "feature_matching": [10, 10],
    "equivariance_value": 10,
    "equivariance_jacobian": 10,
}


def a_deformation(seed: int = 1) -> Deformation:
    return Deformation(draw_deformations(2, 5, torch.Generator().manual_seed(seed)))


def losses(network, discriminator, perceptual, deformation, frames):
    """The generator's and the discriminator's loss, as a trainer would ask for them."""
    x, y = frames
    details = network(x, y, details=True, deformation=deformation)
    keypoints = details["driving"].detach().value
    discriminator.requires_grad_(False)
    fake = discriminator(details["prediction"], keypoints)
    real = discriminator(to_unit(y), keypoints)
    discriminator.requires_grad_(True)
    loss, parts = fomm_loss(details, to_unit(y), deformation, perceptual, WEIGHTS, (fake, real))
    fake = discriminator(details["prediction"].detach(), keypoints)
    return loss, fomm_discriminator_loss(fake, discriminator(to_unit(y), keypoints), WEIGHTS)[0], parts


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"estimate_jacobian": False},
        {"kp_detector__single_jacobian_map": True},
        {"generator__estimate_occlusion_map": False},
        {"align_corners": True},
        {"kp_detector__scale_factor": 1, "dense_motion__scale_factor": 1},
    ],
)
def test_every_parameter_learns_and_pictures_stay_in_range(changes):
    network, x, y = tiny_fomm(**changes), *two_frames()
    image = network(x, y)
    assert image.shape == x.shape and image.dtype == torch.float32 and image.abs().max() <= 1
    perceptual = PerceptualLoss(None, (10,), (1, 0.5))
    losses(network, tiny_discriminator(), perceptual, a_deformation(), (x, y))[0].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        # batch norm takes the bias before it away again
        dead = name.endswith("bias") and ("blocks" in name or "first" in name or ".r0.conv1" in name)
        assert dead or parameter.grad.abs().sum() > 0, name


def test_noise_is_ignored_and_the_same_call_gives_the_same_picture():
    network, x, y = tiny_fomm().eval(), *two_frames()
    assert torch.equal(network(x, y), network(x, y, torch.randn(2, 2, 8)))
    assert torch.equal(network(x, y), network(x, y, network.draw_noise(2)))
    assert torch.equal(network(x, y), network(x, y, details=True)["image"])
    assert not torch.equal(network(x, y), network(x, x))


def test_initialise_starts_anew_from_the_seed_as_building_does():
    built = tiny_fomm().state_dict()
    network = tiny_fomm()
    network.load_state_dict({name: value + 1 for name, value in built.items()})
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        initialise(network)
        states.append({name: value.clone() for name, value in network.state_dict().items()})
    assert all(torch.equal(states[0][name], states[1][name]) for name in built)
    assert not torch.equal(states[0]["kp_detector.kp.weight"], states[2]["kp_detector.kp.weight"])
    for name, value in built.items():  # drawn alike: the same spread; constants the same
        if value.dim() > 1 and "down.weight" not in name and value.std() > 0:
            assert states[0][name].std().item() == pytest.approx(value.std().item(), rel=0.5), name
        elif "running" in name or "jacobian" in name or "norm" in name:
            assert torch.equal(states[0][name], value), name


def test_initialise_renews_spectral_norm():
    network = tiny_discriminator()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(7)
    initialise(network)
    for name, value in network.state_dict().items():
        if name.endswith(("weight_orig", "weight_u")) and value.numel() > 1:
            assert not torch.equal(value, before[name]), name
            assert value.std().item() == pytest.approx(before[name].std().item(), rel=0.6), name


def test_relative_motion_from_the_first_frame_itself_is_no_motion():
    network, x, y = tiny_fomm().eval(), *two_frames()
    torch.testing.assert_close(network.transfer_relative(x, y, y), network(x, x), atol=1e-5, rtol=0)
    other = network.transfer_relative(x, y, x.flip(3))
    assert not torch.allclose(other, network(x, x), atol=1e-4)
    assert not torch.equal(other, network.transfer_relative(x, y, x.flip(3), adapt_scale=False))


def test_bf16_autocast_and_channels_last_come_close():
    network, (x, y) = tiny_fomm().eval(), two_frames()
    exact = network(x, y)
    x, y = (image.contiguous(memory_format=torch.channels_last) for image in (x, y))
    network = network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(x, y), exact, atol=1e-5, rtol=0)
    with torch.autocast("cpu", torch.bfloat16):
        details = network(x, y, details=True, deformation=a_deformation())
    assert details["image"].dtype == details["motion"].flow.dtype == torch.float32
    assert (details["image"] - exact).abs().mean() < 0.02


def test_a_few_steps_reduce_the_loss_on_one_batch():
    network, discriminator, frames = tiny_fomm(), tiny_discriminator(), two_frames()
    perceptual, deformation = PerceptualLoss(None, (10,), (1, 0.5)), a_deformation()
    opt_g = torch.optim.Adam(network.parameters(), 5e-3, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(discriminator.parameters(), 1e-3, betas=(0.5, 0.999))
    history = []
    for _ in range(25):
        loss, loss_d, parts = losses(network, discriminator, perceptual, deformation, frames)
        opt_g.zero_grad()
        loss.backward()
        opt_g.step()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        history.append(parts["G_perceptual"].item() + parts["G_equi_value"].item())
    assert history[-1] < 0.7 * history[0]


@pytest.mark.parametrize(
    ("changes", "size", "message"),
    [
        ({}, 36, r"image_size 36 must be a multiple of 8 for kp_detector \(num_blocks is 2.*scale_factor is 0.5\)"),
        ({}, 24, r"image_size 24 must be a multiple of 16 for dense_motion"),
        ({"generator__num_down_blocks": 6}, 32, "multiple of 64 for generator"),
        ({"kp_detector__scale_factor": 0.25}, 16, "leaves kp_detector heat maps of 0 positions a side"),
    ],
)
def test_sizes_that_do_not_fit_name_the_rule(changes, size, message):
    network = tiny_fomm(**changes)
    with pytest.raises(ValueError, match=message):
        network.check_size(size)
    tiny_fomm().check_size(SIZE)
