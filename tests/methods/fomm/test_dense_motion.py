"""FOMM's dense motion follows the first-order motion of the keypoint that the network chooses."""

import torch

from capture.methods.fomm.dense_motion import DenseMotionNetwork
from capture.methods.fomm.keypoints import Keypoints
from capture.nn.geometry import coordinate_grid
from tests.helpers.tiny_baselines import choose_proposal, tiny_options, two_frames


class TestDenseMotion:
    def test_flow_is_first_order_motion_around_the_chosen_keypoint(self):
        torch.manual_seed(0)
        options = tiny_options("fomm", dense_motion__scale_factor=0.5)["dense_motion"]
        network = DenseMotionNetwork(2, estimate_occlusion_map=True, align_corners=False, **options).eval()
        image = two_frames()[0]
        source = Keypoints(torch.rand(2, 2, 2) - 0.5, torch.randn(2, 2, 2, 2))
        driving = Keypoints(torch.rand(2, 2, 2) - 0.5, torch.randn(2, 2, 2, 2) + 3 * torch.eye(2))
        choose_proposal(network, 2)
        motion = network(image, driving, source)
        matrix = source.jacobian[:, 1] @ torch.linalg.inv(driving.jacobian[:, 1])  # (B, 2, 2)
        offset = coordinate_grid(16, 16).flatten(0, 1) - driving.value[:, 1:]  # (B, 256, 2)
        want = offset @ matrix.mT + source.value[:, 1:]
        torch.testing.assert_close(motion.flow.flatten(1, 2), want, atol=1e-4, rtol=1e-4)
        assert motion.occlusion.shape == (2, 1, 16, 16) and motion.mask.shape == (2, 3, 16, 16)
