"""The equivariance losses are zero where positions and frames move with the picture, and only there."""

import torch

from capture.methods.keypoint_warping.losses import frame_equivariance, position_equivariance
from capture.methods.keypoint_warping.tps import AFFINE, Deformation, draw_deformations
from tests.helpers.tiny_baselines import inputs, tiny_fomm, two_frames


def random_frames(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    positions = torch.rand(2, 4, 2, generator=rng) * 1.6 - 0.8
    return positions, 0.1 * torch.randn(2, 4, 2, 2, generator=rng) + torch.eye(2)


class TestEquivarianceLosses:
    def test_equivariance_is_zero_where_positions_and_frames_move_along(self):
        deformation = Deformation(draw_deformations(2, 5, torch.Generator().manual_seed(1)))
        positions, frames = random_frames(2)  # in the deformed picture
        carried = deformation.points(positions)
        turned = deformation.jacobian(positions) @ frames
        assert position_equivariance(carried, positions, deformation) == 0
        assert frame_equivariance(turned, frames, positions, deformation, either_sign=False) < 1e-6
        assert frame_equivariance(-turned, frames, positions, deformation, either_sign=True) < 1e-6
        assert frame_equivariance(-turned, frames, positions, deformation, either_sign=False) > 0.9
        assert position_equivariance(positions, positions, deformation) > 1e-3
        assert frame_equivariance(frames, frames, positions, deformation, either_sign=False) > 1e-3

    def test_equivariance_of_an_untrained_detector_without_deformation(self):
        """Both pictures are the same where corners are aligned; they are half a pixel apart where they aren't."""
        still = Deformation(torch.zeros(2, AFFINE + 25))
        losses = []
        for align_corners in (True, False):
            network = tiny_fomm(align_corners=align_corners).eval()
            details = network(inputs(*two_frames()), details=True, deformation=still)
            losses.append(position_equivariance(details.driving.value, details.deformed.value, still).item())
        assert losses[0] < 1e-4 < losses[1]
