"""Frames carry their surroundings along, the background its own."""

import torch

from capture.methods.fomm.dense_motion import DenseMotionNetwork
from capture.methods.fomm.keypoints import Keypoints
from capture.methods.keypoint_warping.flow import PixelwiseFlowPredictor
from capture.methods.keypoint_warping.motion import move_by_each, proposals
from capture.methods.mraa.regions import Regions
from capture.nn.geometry import coordinate_grid
from tests.helpers.tiny_baselines import MRAA, two_frames

SMALL = {"block_expansion": 4, "max_features": 8, "num_blocks": 2, "scale_factor": 0.5}


def believe(network, index: int) -> None:
    """Have the network take the proposal `index` everywhere."""
    with torch.no_grad():
        network.mask.weight.zero_()
        network.mask.bias.fill_(-30)
        network.mask.bias[index] = 30


def test_proposals_take_each_driving_centre_to_its_source_and_turn_around_it():
    driving, source = torch.tensor([[[0.0, 0.0], [0.5, -0.5]]]), torch.tensor([[[0.25, 0.5], [-0.5, 0.5]]])
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).expand(1, 2, 2, 2)
    flows = proposals(5, 5, driving, source, turn, None)  # points are 0.5 apart
    torch.testing.assert_close(flows[:, 0], coordinate_grid(5, 5)[None])
    assert flows[0, 1, 2, 2].tolist() == [0.25, 0.5] and flows[0, 2, 1, 3].tolist() == [-0.5, 0.5]
    assert flows[0, 1, 2, 3].tolist() == [
        0.25,
        1.0,
    ]  # half to the right of the first centre is half below in the source


def test_the_source_is_moved_by_each_flow():
    image = torch.rand(2, 3, 6, 6)
    flows = torch.rand(2, 4, 6, 6, 2) * 2 - 1
    together = move_by_each(image, flows, align_corners=True)
    for k in range(4):
        alone = torch.nn.functional.grid_sample(image, flows[:, k], align_corners=True)
        torch.testing.assert_close(together[:, k], alone)


def test_dense_motion_follows_the_keypoint_that_it_believes():
    torch.manual_seed(0)
    network = DenseMotionNetwork(num_kp=2, **SMALL).eval()
    image = two_frames()[0]
    source = Keypoints(torch.rand(2, 2, 2) - 0.5, torch.randn(2, 2, 2, 2))
    driving = Keypoints(torch.rand(2, 2, 2) - 0.5, torch.randn(2, 2, 2, 2) + 3 * torch.eye(2))
    believe(network, 2)
    motion = network(image, driving, source)
    matrix = source.jacobian[:, 1] @ torch.linalg.inv(driving.jacobian[:, 1])  # (B, 2, 2)
    offset = coordinate_grid(16, 16).flatten(0, 1) - driving.value[:, 1:]  # (B, 256, 2)
    want = offset @ matrix.mT + source.value[:, 1:]
    torch.testing.assert_close(motion.flow.flatten(1, 2), want, atol=1e-4, rtol=1e-4)
    assert motion.occlusion.shape == (2, 1, 16, 16) and motion.mask.shape == (2, 3, 16, 16)


def some_regions(seed: int) -> Regions:
    torch.manual_seed(seed)
    affine = 0.2 * torch.randn(2, MRAA["num_regions"], 2, 2) + 0.3 * torch.eye(2)
    return Regions(torch.rand(2, MRAA["num_regions"], 2) - 0.5, affine, affine @ affine.mT)


def test_the_background_moves_as_told():
    network = PixelwiseFlowPredictor(MRAA["num_regions"], **SMALL).eval()
    believe(network, 0)
    image, driving, source = two_frames()[0], some_regions(1), some_regions(2)
    torch.testing.assert_close(network(image, driving, source).flow[0], coordinate_grid(16, 16), atol=1e-5, rtol=0)
    camera = torch.eye(3).repeat(2, 1, 1)
    camera[:, 0, 2] = 0.25
    moved = network(image, driving, source, camera).flow[0] - coordinate_grid(16, 16)
    torch.testing.assert_close(moved, torch.tensor([0.25, 0.0]).expand(16, 16, 2), atol=1e-5, rtol=0)


def test_opposite_axes_are_the_same_region_where_signs_are_reverted():
    driving, source, image = some_regions(1), some_regions(2), two_frames()[0]
    opposite = source._replace(affine=-source.affine)
    for revert in (True, False):
        torch.manual_seed(0)
        network = PixelwiseFlowPredictor(MRAA["num_regions"], revert_axis_swap=revert, **SMALL).eval()
        same = torch.allclose(network(image, driving, source).flow, network(image, driving, opposite).flow)
        assert same == revert


def test_float32_under_bf16_autocast():
    network = PixelwiseFlowPredictor(MRAA["num_regions"], **SMALL).eval()
    driving, source = some_regions(1), some_regions(2)
    with torch.autocast("cpu", torch.bfloat16):
        motion = network(two_frames()[0], driving, source)
    assert {part.dtype for part in motion} == {torch.float32}
    torch.testing.assert_close(motion.mask.sum(dim=1), torch.ones(2, 16, 16))
