"""Positions in pictures: cell centres, affine maps of points, sampling."""

from __future__ import annotations

import torch

from capture.methods.capture_parts.coordinates import (
    apply_affine,
    apply_part_affine,
    cell_centres,
    neighbours,
    sample_map,
)


class TestCellCentres:
    def test_are_the_middles_of_the_cells_with_x_first(self):
        expected = torch.tensor([[[-0.75, -0.25, 0.25, 0.75]] * 2, [[-0.5] * 4, [0.5] * 4]])
        torch.testing.assert_close(cell_centres(torch.zeros(2, 4)), expected)


class TestAffineMaps:
    def test_a_map_turns_scales_and_moves_points(self):
        maps = torch.tensor([[0.0, -2.0, 0.5], [1.0, 0.0, -0.25]])  # a quarter turn, x twice as long, and a shift
        moved = apply_affine(maps, torch.tensor([0.1, 0.2]).view(2, 1, 1))
        torch.testing.assert_close(moved.flatten(), torch.tensor([0.1, -0.15]))

    def test_every_point_is_moved_by_the_map_of_its_part(self):
        torch.manual_seed(0)
        maps, part = torch.randn(2, 3, 2, 3), torch.randint(3, (2, 8, 8))
        by_each = apply_affine(maps, cell_centres(part))  # (2, 3, 2, 8, 8)
        expected = by_each.gather(1, part[:, None, None].expand(-1, 1, 2, -1, -1))[:, 0]
        torch.testing.assert_close(apply_part_affine(maps, part, cell_centres(part)[None]), expected)


class TestSampleMap:
    def test_cell_centres_give_the_map_itself(self):
        x = torch.rand(1, 2, 8, 8)
        torch.testing.assert_close(sample_map(x, cell_centres(x)[None]), x)

    def test_a_shift_by_one_cell_gives_the_next_cell(self):
        x = torch.rand(1, 2, 8, 8)
        grid = cell_centres(x)[None] + torch.tensor([2 / 8, 0]).view(1, 2, 1, 1)
        torch.testing.assert_close(sample_map(x, grid)[..., :-1], x[..., 1:])
        torch.testing.assert_close(sample_map(x, grid)[..., -1], x[..., -1])  # the border is repeated
        assert not sample_map(x, grid + 1, "zeros")[..., 4:].any()

    def test_neighbours_are_so_many_cells_away(self):
        x = torch.rand(1, 2, 8, 8)
        sampled = [sample_map(x, grid)[0, :, 4, 4] for grid in neighbours(cell_centres(x)[None], 2)]
        cells = ((4, 4), (4, 2), (4, 6), (2, 4), (6, 4))  # itself, left, right, above, below
        for found, (row, column) in zip(sampled, cells, strict=True):
            torch.testing.assert_close(found, x[0, :, row, column])
