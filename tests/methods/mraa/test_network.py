"""MRAA as one network: transfer in three modes, and the training pass."""

import pytest
import torch

from capture.methods.keypoint_warping.autoencoder import to_unit
from capture.methods.keypoint_warping.tps import Deformation, draw_deformations
from capture.methods.mraa.avd import rescale, stretch_factors
from capture.methods.mraa.losses import avd_loss, mraa_loss
from capture.nn.perceptual import PerceptualLoss
from tests.helpers.tiny_baselines import SIZE, inputs, tiny_mraa, tiny_options, two_frames

WEIGHTS = tiny_options("mraa")["loss_weights"]


def a_deformation(seed: int = 1) -> Deformation:
    return Deformation(draw_deformations(2, 5, torch.Generator().manual_seed(seed)))


class TestMraaNetwork:
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
            {
                "estimate_affine": False,
                "region_predictor__pca_based": False,
                "pixelwise_flow__use_covar_heatmap": False,
            },
            {"pixelwise_flow__use_deformed_source": False},
            {"pixelwise_flow__estimate_occlusion_map": False, "generator__skips": False},
        ],
    )
    def test_every_parameter_gets_a_gradient_and_pictures_stay_in_range(self, changes):
        network, (x, y) = tiny_mraa(**changes), two_frames()
        image = network(inputs(x, y))
        assert image.shape == x.shape and image.dtype == torch.float32 and image.abs().max() <= 1
        deformation = a_deformation()
        details = network(inputs(x, y), details=True, deformation=deformation)
        perceptual = PerceptualLoss(None, (10,), (1, 0.5))
        mraa_loss(details, to_unit(y), deformation, perceptual, WEIGHTS, revert_axis_swap=True)[0].backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
            # batch norm subtracts a bias that comes before it; the camera's head starts at 0 and lets nothing through
            dead = name.endswith((".conv.bias", ".r0.conv1.bias"))
            assert dead or "bg_predictor.encoder" in name or parameter.grad.abs().sum() > 0, name

    def test_the_background_predictor_gets_gradients_once_its_head_is_not_zero(self):
        network, (x, y) = tiny_mraa(), two_frames()
        torch.nn.init.normal_(network.bg_predictor.fc.weight, 0, 0.1)
        network(inputs(x, y), details=True).prediction.square().mean().backward()
        for name, parameter in network.bg_predictor.named_parameters():
            assert parameter.grad.abs().sum() > 0 or name.endswith("conv.bias"), name

    def test_transfer_leaves_the_background_still_and_training_moves_it(self):
        network, given = tiny_mraa().eval(), inputs(*two_frames())
        torch.testing.assert_close(network(given, details=True).image, network(given))  # the camera starts still
        with torch.no_grad():
            network.bg_predictor.fc.bias[2] = 0.5
        assert not torch.allclose(network(given, details=True).image, network(given), atol=1e-3)

    def test_bf16_autocast_and_channels_last_come_close(self):
        network, (x, y) = tiny_mraa().eval(), two_frames()
        exact = network(inputs(x, y))
        x, y = (image.contiguous(memory_format=torch.channels_last) for image in (x, y))
        network = network.to(memory_format=torch.channels_last)
        torch.testing.assert_close(network(inputs(x, y)), exact, atol=1e-5, rtol=0)
        with torch.autocast("cpu", torch.bfloat16):
            details = network(inputs(x, y), details=True, deformation=a_deformation())
        assert details.image.dtype == details.motion.flow.dtype == details.source.affine.dtype == torch.float32
        assert (details.image - exact).abs().mean() < 0.03

    @pytest.mark.parametrize(
        ("changes", "size", "message"),
        [
            ({}, 36, "multiple of 8 for region_predictor"),
            ({"pixelwise_flow__num_blocks": 3}, 48, "multiple of 32 for pixelwise_flow"),
            ({"background__num_blocks": 6}, 32, "multiple of 64 for background"),
            ({"region_predictor__scale_factor": 0.25}, 16, "leaves region_predictor heat maps of 0 positions"),
        ],
    )
    def test_image_sizes_that_do_not_fit_name_the_rule(self, changes, size, message):
        with pytest.raises(ValueError, match=message):
            tiny_mraa(**changes).check_size(size)
        tiny_mraa().check_size(SIZE)


class TestMraaModes:
    def test_forward_transfers_in_the_configured_mode(self):
        network, (x, y) = tiny_mraa(avd=True).eval(), two_frames()
        absolute = network(inputs(x, y))
        assert torch.equal(absolute, network(inputs(x, y), torch.randn(2, 2, 4)))  # noise is ignored
        assert torch.equal(network.transfer(inputs(x, y), "absolute"), absolute)
        assert not torch.equal(network.transfer(inputs(x, y), "avd"), absolute)
        network.mode = "avd"
        assert torch.equal(network(inputs(x, y)), network.transfer(inputs(x, y), "avd"))
        network.mode = "relative"  # two pictures are no video
        assert torch.equal(network(inputs(x, y)), absolute)

    def test_relative_mode_moves_regions_as_the_driver_has_moved(self):
        network, (x, y) = tiny_mraa().eval(), two_frames()
        assert network.relative
        still = network.transfer_relative(inputs(x, y), y)  # no motion, though with the driver's covariances
        assert still.shape == x.shape and not torch.equal(still, network(inputs(x, y)))
        same = network.transfer_relative(inputs(x, x), x)
        torch.testing.assert_close(same, network(inputs(x, x)), atol=1e-4, rtol=0)
        assert not torch.allclose(network.transfer_relative(inputs(x, y), x.flip(3)), still, atol=1e-4)

    def test_modes_that_cannot_be_are_refused(self):
        network, (x, y) = tiny_mraa(), two_frames()
        with pytest.raises(ValueError, match="mode avd needs an AVD network"):
            network.transfer(inputs(x, y), "avd")
        with pytest.raises(ValueError, match="mode relative needs first_pose"):
            network.transfer(inputs(x, y), "relative")
        with pytest.raises(ValueError, match="mode 'sideways' is none of absolute, relative, avd"):
            network.transfer(inputs(x, y), "sideways")
        with pytest.raises(ValueError, match="mode 'sideways' is none of absolute, relative, avd"):
            tiny_mraa(mode="sideways")
        with pytest.raises(ValueError, match="generator.skips without pixelwise_flow.estimate_occlusion_map"):
            tiny_mraa(pixelwise_flow__estimate_occlusion_map=False)
        with pytest.raises(ValueError, match="bg_type 'none' is none of zero, shift, affine, perspective"):
            tiny_mraa(background__bg_type="none")


class TestAvdInMraa:
    def test_avd_loss_trains_the_avd_network_alone(self):
        network, (x, y) = tiny_mraa(avd=True), two_frames()
        factors = stretch_factors(torch.rand(2, 2, generator=torch.Generator().manual_seed(1)), 0.25)
        details = network(inputs(x, y), details=True, stretch=factors)
        avd_loss(details.rebuilt, details.driving.detach(), WEIGHTS)[0].backward()
        for name, parameter in network.named_parameters():
            dead = name.endswith(("0.bias", "3.bias", "6.bias"))  # before batch norm
            reached = parameter.grad is not None and (dead or parameter.grad.abs().sum() > 0)
            assert reached == name.startswith("avd_network"), name
        apart = network.avd_network(details.source.detach(), rescale(details.driving.detach(), factors))
        torch.testing.assert_close(apart.shift, details.rebuilt.shift)
        assert tiny_mraa()(inputs(x, y), details=True, stretch=factors).rebuilt is None
