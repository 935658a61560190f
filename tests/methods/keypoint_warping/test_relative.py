"""Relative motion: sizes of bodies by their hulls, positions and frames by what has changed."""

import pytest
import torch
from scipy.spatial import ConvexHull

from capture.methods.keypoint_warping.relative import hull_area, relative_frames, relative_positions, size_ratio

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


class TestHullArea:
    @pytest.mark.parametrize("count", [3, 5, 12])
    def test_areas_are_those_of_scipy(self, count):
        points = torch.randn(20, count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
        expected = torch.tensor([ConvexHull(one.numpy()).volume for one in points], dtype=torch.float64)
        torch.testing.assert_close(hull_area(points), expected)

    def test_points_that_coincide_or_lie_on_an_edge_change_nothing(self):
        square = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
        more = torch.tensor([[0.0, 0.5], [0.5, 1.0], [1.0, 1.0], [0.3, 0.4], [0.0, 0.0]])
        for order in (torch.arange(9), torch.arange(9).flip(0)):
            points = torch.cat([square, more])[order]
            torch.testing.assert_close(hull_area(points[None]), torch.ones(1))

    def test_fewer_than_three_points_enclose_nothing(self):
        assert hull_area(torch.rand(2, 1, 2)).tolist() == [0, 0]
        assert hull_area(torch.rand(2, 2, 2)).tolist() == [0, 0]
