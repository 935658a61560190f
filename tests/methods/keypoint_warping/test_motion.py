"""Local frames carry their surroundings along."""

import torch

from capture.methods.keypoint_warping.motion import move_by_each, proposals
from capture.nn.geometry import coordinate_grid


class TestMotionProposals:
    def test_proposals_take_each_driving_centre_to_its_source_and_turn_around_it(self):
        driving, source = torch.tensor([[[0.0, 0.0], [0.5, -0.5]]]), torch.tensor([[[0.25, 0.5], [-0.5, 0.5]]])
        turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).expand(1, 2, 2, 2)
        flows = proposals(5, 5, driving, source, turn, None)  # points are 0.5 apart
        torch.testing.assert_close(flows[:, 0], coordinate_grid(5, 5)[None])
        assert flows[0, 1, 2, 2].tolist() == [0.25, 0.5] and flows[0, 2, 1, 3].tolist() == [-0.5, 0.5]
        # half a unit to the right of the first driving centre is half a unit below its source centre
        assert flows[0, 1, 2, 3].tolist() == [0.25, 1.0]

    def test_the_source_is_moved_by_each_proposal(self):
        rng = torch.Generator().manual_seed(1)
        image = torch.rand(2, 3, 6, 6, generator=rng)
        flows = torch.rand(2, 4, 6, 6, 2, generator=rng) * 2 - 1
        together = move_by_each(image, flows, align_corners=True)
        for k in range(4):
            alone = torch.nn.functional.grid_sample(image, flows[:, k], align_corners=True)
            torch.testing.assert_close(together[:, k], alone)
