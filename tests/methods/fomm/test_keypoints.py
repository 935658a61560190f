"""FOMM's keypoint detector: positions in float32, Jacobians that start as identities."""

import pytest
import torch

from capture.methods.fomm.keypoints import KeypointDetector
from tests.helpers.tiny_baselines import tiny_options, two_frames


def detector(estimate_jacobian: bool = True, **changes) -> KeypointDetector:
    torch.manual_seed(0)
    options = tiny_options("fomm")
    return KeypointDetector(
        options["num_kp"], estimate_jacobian=estimate_jacobian, **{**options["kp_detector"], **changes}
    )


class TestKeypointDetector:
    @pytest.mark.parametrize("single", (True, False))
    def test_jacobians_start_as_identities(self, single):
        found = detector(single_jacobian_map=single)(two_frames()[0])
        torch.testing.assert_close(found.jacobian, torch.eye(2).expand(2, 3, 2, 2))

    def test_keypoints_are_float32_under_bf16_autocast_and_close(self):
        network, image = detector().eval(), two_frames()[0].contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            rough = network(image)
        with torch.no_grad():
            exact = network(image)
        assert rough.value.dtype == rough.jacobian.dtype == torch.float32
        torch.testing.assert_close(rough.value, exact.value, atol=0.05, rtol=0)

    def test_positions_alone_have_no_jacobian(self):
        assert detector(estimate_jacobian=False)(two_frames()[0]).jacobian is None
