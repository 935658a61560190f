"""Relative motion: sizes of bodies by their hulls, positions and frames by what has changed."""

import torch

from capture.methods.keypoint_warping.relative import relative_frames, relative_positions, size_ratio

SQUARE = torch.tensor([[[0.0, 0.0], [0.4, 0.0], [0.4, 0.4], [0.0, 0.4], [0.2, 0.1]]])


class TestRelativeMotion:
    def test_size_ratio_is_the_ratio_of_lengths(self):
        torch.testing.assert_close(size_ratio(3 * SQUARE, SQUARE), torch.tensor([3.0]))
        torch.testing.assert_close(size_ratio(SQUARE, 2 * SQUARE + 0.1), torch.tensor([0.5]))

    def test_bodies_without_an_area_are_left_as_they_are(self):
        line = torch.linspace(0, 1, 5)[:, None].expand(1, 5, 2)
        both = torch.cat([line, SQUARE]), torch.cat([SQUARE, line])
        assert size_ratio(*both).tolist() == [1, 1]
        assert size_ratio(torch.zeros(1, 5, 2), SQUARE).tolist() == [1]

    def test_positions_and_frames_change_as_the_drivers_do(self):
        moved = relative_positions(SQUARE, SQUARE + 0.5, SQUARE + 0.3, torch.tensor([2.0]))
        torch.testing.assert_close(moved, SQUARE + 0.4)
        turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
        first = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
        source = torch.tensor([[1.0, 0.5], [0.2, 1.0]])
        torch.testing.assert_close(relative_frames(source, turn @ first, first), turn @ source)
