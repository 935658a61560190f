"""FOMM as one network: transfer, the training pass, relative motion."""

import pytest
import torch

from capture.methods.fomm.losses import fomm_loss
from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.nn.perceptual import PerceptualLoss
from tests.helpers.tiny_baselines import SIZE, inputs, tiny_discriminator, tiny_fomm, tiny_options, two_frames


def a_deformation(seed: int = 1) -> Deformation:
    return Deformation(draw_deformations(2, 5, torch.Generator().manual_seed(seed)))


class TestFommNetwork:
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
    def test_every_parameter_gets_a_gradient_and_pictures_stay_in_range(self, changes):
        network, discriminator, (x, y) = tiny_fomm(**changes), tiny_discriminator(), two_frames()
        image = network(inputs(x, y))
        assert image.shape == x.shape and image.dtype == torch.float32 and image.abs().max() <= 1
        deformation, truth = a_deformation(), to_unit(y)
        details = network(inputs(x, y), details=True, deformation=deformation)
        scores = discriminator(details.prediction), discriminator(truth)
        weights = tiny_options("fomm")["loss_weights"]
        perceptual = PerceptualLoss(None, (10,), (1, 0.5))
        fomm_loss(details, truth, deformation, perceptual, weights, scores)[0].backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
            # batch norm subtracts a bias that comes before it
            dead = name.endswith((".conv.bias", ".r0.conv1.bias"))
            assert dead or parameter.grad.abs().sum() > 0, name

    def test_forward_is_a_function_of_its_inputs_and_ignores_noise(self):
        network, (x, y) = tiny_fomm().eval(), two_frames()
        picture = network(inputs(x, y))
        assert torch.equal(picture, network(inputs(x, y), torch.randn(2, 2, 8)))
        assert torch.equal(picture, network(inputs(x, y), network.sample_noise(2)))
        assert network.sample_noise(2).shape == (2, 2, 0)
        assert torch.equal(picture, network(inputs(x, y), details=True).image)
        assert not torch.equal(picture, network(inputs(x, x)))

    def test_encoders_and_decoder_make_the_same_picture(self):
        network, (x, y) = tiny_fomm().eval(), two_frames()
        noise = network.sample_noise(2)
        identity = network.encode_identity({"identity": x}, noise[:, 0])
        made = network.decode(identity, network.encode_pose({"pose": y}), noise)
        assert torch.equal(made, network(inputs(x, y)))

    def test_relative_motion_from_the_first_frame_itself_is_no_motion(self):
        network, (x, y) = tiny_fomm().eval(), two_frames()
        assert network.relative
        still = network(inputs(x, x))
        torch.testing.assert_close(network.transfer_relative(inputs(x, y), y), still, atol=1e-5, rtol=0)
        other = network.transfer_relative(inputs(x, y), x.flip(3))
        assert not torch.allclose(other, still, atol=1e-4)
        assert not torch.equal(other, network.transfer_relative(inputs(x, y), x.flip(3), adapt_scale=False))

    def test_bf16_autocast_and_channels_last_come_close(self):
        network, (x, y) = tiny_fomm().eval(), two_frames()
        exact = network(inputs(x, y))
        x, y = (image.contiguous(memory_format=torch.channels_last) for image in (x, y))
        network = network.to(memory_format=torch.channels_last)
        torch.testing.assert_close(network(inputs(x, y)), exact, atol=1e-5, rtol=0)
        with torch.autocast("cpu", torch.bfloat16):
            details = network(inputs(x, y), details=True, deformation=a_deformation())
        assert details.image.dtype == details.motion.flow.dtype == torch.float32
        assert (details.image - exact).abs().mean() < 0.02

    @pytest.mark.parametrize(
        ("changes", "size", "message"),
        [
            ({}, 36, r"image_size 36 must be a multiple of 8 for kp_detector \(num_blocks is 2.*scale_factor is 0.5\)"),
            ({}, 24, r"image_size 24 must be a multiple of 16 for dense_motion"),
            ({"generator__num_down_blocks": 6}, 32, "multiple of 64 for generator"),
            ({"kp_detector__scale_factor": 0.25}, 16, "leaves kp_detector heat maps of 0 positions a side"),
        ],
    )
    def test_image_sizes_that_do_not_fit_name_the_rule(self, changes, size, message):
        network = tiny_fomm(**changes)
        with pytest.raises(ValueError, match=message):
            network.check_size(size)
        tiny_fomm().check_size(SIZE)
