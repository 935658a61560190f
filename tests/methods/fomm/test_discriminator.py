"""FOMM's multi-scale discriminator: patch scores at each scale, keypoints where configured, sizes that fit."""

import pytest
import torch

from tests.helpers.tiny_baselines import tiny_discriminator, two_frames


def fits(network, size: int) -> bool:
    try:
        network.check_size(size)
    except ValueError:
        return False
    return True


def scorable(network, size: int) -> bool:
    try:
        return all(score.patches.numel() > 0 for score in network(torch.rand(1, 3, size, size)))
    except (RuntimeError, ValueError):  # nothing left to convolve, or to normalise
        return False


class TestMultiScaleDiscriminator:
    @pytest.mark.parametrize(
        "changes", [{}, {"sn": False}, {"use_kp": True}, {"scales": [1.0]}, {"num_blocks": 3, "scales": [1]}]
    )
    def test_every_parameter_gets_a_gradient(self, changes):
        network = tiny_discriminator(**changes)
        image, keypoints = two_frames()[0], torch.rand(2, 3, 2) - 0.5
        scores = network(image, keypoints)
        assert len(scores) == len(network.scales)
        for score in scores:
            assert score.patches.shape[:2] == (2, 1) and len(score.features) == network.num_blocks
        sum(score.patches.square().mean() for score in scores).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
            # instance norm subtracts a bias that comes before it
            dead = name.endswith("conv.bias") and ".down_blocks.0." not in name and ".down_blocks." in name
            assert dead or parameter.grad.abs().sum() > 0, name

    def test_parameter_names_are_the_published_ones_however_a_scale_is_written(self):
        names = [set(tiny_discriminator(scales=scales).state_dict()) for scales in ([1, 0.5], [1.0, 0.5])]
        assert names[0] == names[1]
        assert "discs.0-5.down_blocks.1.norm.weight" in names[0] and "discs.1.conv.weight_orig" in names[0]
        assert not any("pyramid" in name for name in names[0])

    def test_keypoints_matter_only_where_used(self):
        image, keypoints = two_frames()[0], torch.rand(2, 3, 2) - 0.5
        for use_kp in (True, False):
            network = tiny_discriminator(use_kp=use_kp).eval()
            same = torch.equal(network(image, keypoints)[0].patches, network(image, -keypoints)[0].patches)
            assert same != use_kp

    def test_scores_are_float32_under_autocast(self):
        with torch.autocast("cpu", torch.bfloat16):
            scores = tiny_discriminator()(two_frames()[0].contiguous(memory_format=torch.channels_last))
        assert all(score.patches.dtype == torch.float32 for score in scores)

    def test_check_size_names_the_smallest_size(self):
        network = tiny_discriminator(scales=[1, 0.5], num_blocks=3)
        sizes = [size for size in range(8, 80, 2) if scorable(network, size)]
        assert sizes == [size for size in range(8, 80, 2) if fits(network, size)] and 0 < len(sizes) < 36
        with pytest.raises(ValueError, match=r"image_size 16 leaves the discriminator nothing to score at scale 0.5"):
            network.check_size(16)
