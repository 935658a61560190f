"""The layout network, and from the layout to where each pixel of the output comes from."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from capture.methods.capture_parts.coordinates import cell_centres
from capture.methods.capture_parts.layout import Correspondence, Layout, LayoutNetwork
from capture.methods.capture_parts.part_motion import TOKEN, PartMotion
from capture.methods.capture_parts.segmenter import FEATURES
from capture.nn.init import init_weights
from tests.helpers.parts import certain_segmentation, parameters_without_gradient, rectangle

STILL = torch.eye(2, 3).expand(1, 3, 2, 3)


def tiny_network() -> LayoutNetwork:
    network = LayoutNetwork(3, patch=2)
    torch.manual_seed(0)
    init_weights(network)
    return network


def lay_out(network: LayoutNetwork) -> Layout:
    """The layout of two rectangles at different places, whose features and tokens are random numbers."""
    torch.manual_seed(1)
    identity, pose = certain_segmentation(rectangle(2, 1)), certain_segmentation(rectangle(9, 7))
    identity, pose = (x._replace(features=torch.randn(1, FEATURES, 16, 16)) for x in (identity, pose))
    to_identity = STILL.clone()
    to_identity[..., 2] = torch.tensor([-12 / 16, -14 / 16])  # six columns and seven rows
    return network(identity, pose, PartMotion(STILL, to_identity, torch.randn(1, 3, TOKEN)))


class TestLayoutNetwork:
    def test_shapes(self):
        layout = lay_out(tiny_network())
        assert layout.coarse_logits.shape == (1, 4, 16, 16) and layout.logits.shape == (1, 16, 16, 16)
        assert layout.residual_flow.shape == (1, 4, 16, 16) and layout.features.shape == (1, 48, 16, 16)

    def test_at_first_no_part_is_much_likelier_and_the_residual_flow_is_nearly_zero(self):
        layout = lay_out(tiny_network())
        assert (layout.coarse_logits.softmax(1) - 0.25).abs().max() < 0.05
        assert (layout.logits.unflatten(1, (4, 4)).softmax(1) - 0.25).abs().max() < 0.05
        assert 0 < layout.residual_flow.abs().max() < 0.02  # a position of 16 is 0.125 wide

    def test_every_parameter_gets_a_gradient(self):
        network = tiny_network()
        sum(torch.rand_like(x).mul(x).sum() for x in lay_out(network)).backward()
        assert parameters_without_gradient(network) == set()

    def test_the_coarse_layout_sees_the_moved_parts_of_the_identity_and_both_places_of_the_pose(self):
        seen = []
        network = tiny_network()
        network.coarse_conv.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        lay_out(network)
        identity, pose, unmoved, features = seen[0].split([3, 3, 3, FEATURES], dim=1)
        drawn = (rectangle(9, 7) == 2).float()
        for moved in (identity, pose, unmoved):  # the identity's rectangle was moved to where the pose has it
            torch.testing.assert_close(moved[0, 1], drawn, atol=1e-5, rtol=0)
            assert moved[0, [0, 2]].abs().max() < 1e-5
        assert features.std() > 0.5


def two_halves(residual_flow: torch.Tensor | None = None) -> tuple[Correspondence, torch.Tensor]:
    """The left half shows part 1, which stays, and the right half part 2, which comes from (0.5, -0.25) away."""
    fine = torch.full((1, 3, 8, 8), -20.0)
    fine[:, 1, :, :4], fine[:, 2, :, 4:] = 20.0, 20.0
    still = torch.eye(2, 3).expand(1, 2, 2, 3)
    to_identity = still.clone()
    to_identity[0, 1, :, 2] = torch.tensor([0.5, -0.25])
    flow = torch.zeros(1, 4, 4, 4) if residual_flow is None else residual_flow
    layout = Layout(torch.zeros(1, 3, 4, 4), F.pixel_unshuffle(fine, 2), flow, torch.zeros(1, 48, 4, 4))
    identity = certain_segmentation(torch.ones(4, 4, dtype=torch.long), parts=2)  # it shows part 1 everywhere
    motion = PartMotion(to_pose=still, to_identity=to_identity, tokens=torch.zeros(1, 2, TOKEN))
    return LayoutNetwork(2, patch=2).correspondence(identity, motion, layout), cell_centres(fine)


class TestCorrespondence:
    def test_every_pixel_follows_the_map_of_its_likeliest_part(self):
        correspondence, points = two_halves()
        torch.testing.assert_close(correspondence.identity_grid[0, :, :, :4], points[:, :, :4])
        shift = torch.tensor([0.5, -0.25])[:, None, None]
        torch.testing.assert_close(correspondence.identity_grid[0, :, :, 4:], points[:, :, 4:] + shift)
        torch.testing.assert_close(correspondence.pose_grid[0], cell_centres(torch.zeros(4, 4)))

    def test_visibility_says_whether_the_identity_shows_that_part_there(self):
        correspondence, points = two_halves()
        torch.testing.assert_close(correspondence.visibility[0, 0], (points[0] < 0).float())

    def test_the_residual_flow_is_added(self):
        flow = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 4, 1, 1).expand(1, 4, 4, 4)
        (plain, _), (moved, _) = two_halves(), two_halves(flow)
        added = moved.identity_grid - plain.identity_grid
        torch.testing.assert_close(added, flow[:, :2, :1, :1].expand_as(added))
        added = moved.pose_grid - plain.pose_grid
        torch.testing.assert_close(added, flow[:, 2:])
