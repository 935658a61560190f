"""Part motion: moments of the parts of both pictures become an affine map for each part."""

from __future__ import annotations

import numpy as np
import torch

from capture.methods.capture_parts.coordinates import apply_affine, cell_centres
from capture.methods.capture_parts.part_motion import (
    DESCRIPTORS,
    TOKEN,
    PartMotionTransformer,
    part_descriptors,
)
from capture.methods.capture_parts.segmenter import FEATURES
from capture.nn.init import init_weights
from tests.helpers.parts import certain_segmentation, parameters_without_gradient, rectangle

TRUST = 24 / 24.5  # of a part of 24 positions


def tiny_transformer() -> PartMotionTransformer:
    transformer = PartMotionTransformer(3)
    torch.manual_seed(0)
    init_weights(transformer)
    return transformer


class TestPartDescriptors:
    def test_are_the_moments_of_the_positions_of_a_part(self):
        descriptors, centres = part_descriptors(certain_segmentation(rectangle(3, 5)))
        assert descriptors.shape == (1, 3, DESCRIPTORS) and centres.shape == (1, 3, 2)
        xs, ys = (x[3:7, 5:11].flatten().numpy() for x in cell_centres(torch.zeros(16, 16)))
        torch.testing.assert_close(descriptors[0, 1, 0], torch.tensor(np.log1p(24) / 3).float(), atol=1e-4, rtol=0)
        mean = torch.tensor([xs.mean(), ys.mean()])
        torch.testing.assert_close(centres[0, 1], mean, atol=1e-4, rtol=0)
        torch.testing.assert_close(descriptors[0, 1, 1:3], TRUST * mean, atol=1e-4, rtol=0)
        covariance = np.cov(xs, ys, bias=True)
        expected = torch.tensor([covariance[0, 0], covariance[0, 1], covariance[1, 1]], dtype=torch.float32)
        torch.testing.assert_close(descriptors[0, 1, 3:6] / TRUST / 20, expected, atol=1e-4, rtol=0)

    def test_hold_the_mean_of_the_features_and_how_they_vary_along_x_and_y(self):
        descriptors, centres = part_descriptors(certain_segmentation(rectangle(3, 5)))  # features are x and y
        mean, slope = (descriptors[0, 1, 6:] / TRUST).split([FEATURES, 2 * FEATURES])
        torch.testing.assert_close(mean[:2], centres[0, 1], atol=1e-4, rtol=0)
        spread = descriptors[0, 1, 3:6] / TRUST / 20  # of xx, xy, yy
        torch.testing.assert_close(slope[:4] / 5, spread[[0, 1, 1, 2]], atol=1e-4, rtol=0)
        assert mean[2:].abs().max() < 1e-6 and slope[4:].abs().max() < 1e-6

    def test_a_part_that_the_picture_lacks_is_at_the_centre_of_the_figure(self):
        descriptors, centres = part_descriptors(certain_segmentation(rectangle(3, 5)))
        torch.testing.assert_close(centres[0, 0], centres[0, 1], atol=1e-3, rtol=0)
        assert descriptors[0, 0].abs().max() < 1e-4  # without an area nothing else is said


class TestPartMotionTransformer:
    def test_at_first_the_pose_stays_and_the_parts_of_the_identity_move_to_it(self):
        motion = tiny_transformer()(certain_segmentation(rectangle(2, 1)), certain_segmentation(rectangle(9, 7)))
        points = cell_centres(torch.zeros(16, 16))
        torch.testing.assert_close(apply_affine(motion.to_pose, points)[0, 1], points)
        moved = apply_affine(motion.to_identity, points)[0, 1]
        torch.testing.assert_close(moved[:, 9:13, 7:13], points[:, 2:6, 1:7], atol=1e-4, rtol=0)

    def test_maps_of_a_part_depend_on_the_other_parts(self):
        transformer = tiny_transformer()
        torch.nn.init.normal_(transformer.head.weight, std=0.1)
        alone, with_another = rectangle(2, 1), rectangle(2, 1)
        with_another[10:14, 8:12] = 1
        pose = certain_segmentation(rectangle(9, 7))
        first, second = (transformer(certain_segmentation(part), pose) for part in (alone, with_another))
        assert (first.to_pose[0, 1] - second.to_pose[0, 1]).abs().max() > 1e-3

    def test_weights_and_maps_stay_float32_where_the_network_is_bfloat16(self):
        transformer = tiny_transformer().bfloat16()
        assert all(parameter.dtype == torch.float32 for parameter in transformer.parameters())
        with torch.autocast("cpu", torch.bfloat16):
            motion = transformer(certain_segmentation(rectangle(2, 1)), certain_segmentation(rectangle(9, 7)))
        assert {value.dtype for value in motion} == {torch.float32}

    def test_every_parameter_gets_a_gradient(self):
        transformer = tiny_transformer()
        torch.nn.init.normal_(transformer.head.weight, std=0.1)
        motion = transformer(certain_segmentation(rectangle(2, 1)), certain_segmentation(rectangle(9, 7)))
        assert motion.to_pose.shape == motion.to_identity.shape == (1, 3, 2, 3) and motion.tokens.shape == (1, 3, TOKEN)
        sum(torch.rand_like(x).mul(x).sum() for x in motion).backward()
        assert parameters_without_gradient(transformer) == set()
