"""IUV maps as conditional images: the values of each channel."""

from __future__ import annotations

import torch

from capture.nn.iuv import correspondence_flow, figure_mask
from capture.nn.iuv_images import atlas_map, part_map


class TestConditionalMaps:
    def test_atlas_places_parts_row_by_row(self):
        uv = torch.zeros(1, 3, 1, 4, dtype=torch.uint8)
        uv[0, :, 0] = torch.tensor([[0, 9, 9], [1, 0, 255], [7, 51, 102], [25, 255, 255]]).T
        wanted = [[0, 0, 1], [0, 0.2, 0], [0.24, 0.28, 0], [1, 1, 0]]
        torch.testing.assert_close(atlas_map(uv)[0, :, 0].T, torch.tensor(wanted))
        assert torch.equal(figure_mask(uv)[0, 0, 0], torch.tensor([0.0, 1, 1, 1]))

    def test_parts_are_one_hot_beside_u_v_and_background(self):
        uv = torch.zeros(1, 3, 1, 3, dtype=torch.uint8)
        uv[0, :, 0] = torch.tensor([[0, 9, 9], [1, 0, 255], [25, 51, 102]]).T
        condition = part_map(uv)
        assert condition.shape == (1, 28, 1, 3)
        first, second, third = condition[0, :, 0].T
        assert first.nonzero().flatten().tolist() == [27]
        assert second.nonzero().flatten().tolist() == [0, 26]
        torch.testing.assert_close(third[[24, 25, 26, 27]], torch.tensor([1, 0.2, 0.4, 0]))

    def test_unknown_parts_are_background(self):
        uv = torch.full((1, 3, 2, 2), 200, dtype=torch.uint8)
        assert torch.equal(atlas_map(uv), atlas_map(torch.zeros_like(uv)))
        assert torch.equal(part_map(uv), part_map(torch.zeros_like(uv)))
        assert (correspondence_flow(uv, uv) == -2).all()

    def test_another_grid(self):
        uv = torch.tensor([4, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
        torch.testing.assert_close(atlas_map(uv, grid=2).flatten(), torch.tensor([0.5, 0.5, 0]))
        assert part_map(uv, grid=2).shape[1] == 7
