"""The toon atlas: coordinates, cells, mirror images, squares of parts, and filling."""

from __future__ import annotations

import math

import pytest
import torch

from capture.data.toon.dataset import ToonStream
from capture.data.toon.rendering.render import render
from capture.io.iuv import ATLAS_GRID, PARTS, SLOT_GRID
from capture.methods.coord_inpainting.atlas import (
    from_part_squares,
    in_mirror,
    keep_inside_cells,
    part_squares,
    to_uv,
    validity,
)
from capture.methods.coord_inpainting.filling import fill_coordinates, pull_push


def cell_of(uv):
    """(column, row, cells along a side of the part's square) of the cell that a coordinate pair in [-1, 1] is in."""
    x, y = ((value.item() + 1) / 2 * ATLAS_GRID for value in uv)
    grid = SLOT_GRID[int(y) * ATLAS_GRID + int(x)]
    return int(x * grid), int(y * grid), int(grid)


class TestToUv:
    def test_iuv_agrees_with_the_renderers_coordinates(self):
        shots = ToonStream(40, seed=1).shots(0)
        drawn = render(shots, 40, outputs=("iuv", "uv"))
        ours, exact = to_uv(drawn["iuv"]), 2 * drawn["uv"] - 1
        assert torch.equal(ours.isnan(), exact.isnan())
        # 8 bits cost at most half a level of 255 in a fifth of the atlas, whose side is 2
        assert (ours - exact).nan_to_num().abs().max() <= 2 / ATLAS_GRID * 0.51 / 255 + 1e-5

    def test_parts_that_there_are_not_are_background(self):
        dense = torch.tensor([0, 1, 25, 26, 255], dtype=torch.uint8).view(1, 1, 1, 5).expand(1, 3, 1, 5)
        assert validity(to_uv(dense)).flatten().tolist() == [0, 1, 1, 0, 0]

    def test_coordinates_pass_through(self):
        uv = torch.rand(1, 2, 4, 4)
        assert torch.equal(to_uv(uv), uv)

    def test_other_tensors_are_refused(self):
        with pytest.raises(ValueError, match="dense map"):
            to_uv(torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("size", [64, 80, 100])
class TestKeepInsideCells:
    def test_the_footprint_stays_in_the_pixels_own_cell(self, size):
        torch.manual_seed(0)
        uv = torch.rand(1, 2, 40, 40) * 2 - 1
        moved = keep_inside_cells(uv, size)
        texel = ((moved + 1) * size - 1) / 2
        for row in range(0, 40, 3):
            for column in range(0, 40, 3):
                own, position = cell_of(uv[0, :, row, column]), texel[0, :, row, column]
                if ATLAS_GRID * own[2] > size / 2:  # cells of less than two texels have no footprint of their own
                    continue
                snapped = torch.where((position - position.round()).abs() < 1e-3, position.round(), position)
                for corner in (snapped.floor(), snapped.ceil()):
                    centre = ((2 * corner + 1) / size - 1).clamp(-1, 1 - 1e-6)
                    assert cell_of(centre) == own

    def test_background_stays(self, size):
        uv = torch.full((1, 2, 4, 4), math.nan)
        assert keep_inside_cells(uv, size).isnan().all()


class TestMirror:
    @pytest.mark.parametrize("size", [40, 80, 64])
    def test_left_and_right_change_places(self, size):
        texture = torch.zeros(1, 1, size, size)
        left, right = (
            [int((at + 0.25) * size / ATLAS_GRID) for at in divmod(PARTS.index(name), ATLAS_GRID)]
            for name in ("l_hand", "r_hand")
        )
        texture[0, 0, left[0] - 1 : left[0] + 2, left[1] - 1 : left[1] + 2] = 1
        found = in_mirror(texture)[0, 0].nonzero().float().mean(dim=0)
        assert (found - torch.tensor(right)).abs().max() <= 1.5

    def test_twice_is_the_texture_again(self):
        texture = torch.rand(1, 2, 300, 300)  # a side that every cell divides
        assert torch.equal(in_mirror(in_mirror(texture)), texture)


class TestFilling:
    def test_squares_and_back(self):
        texture = torch.rand(2, 3, 40, 40)
        squares = part_squares(texture)
        assert squares.shape == (50, 3, 8, 8)
        assert torch.equal(squares[6], texture[0, :, 8:16, 8:16])
        assert torch.equal(from_part_squares(squares), texture)

    def test_known_texels_stay_and_unknown_ones_come_from_their_own_part(self):
        xy, known = torch.zeros(1, 2, 40, 40), torch.zeros(1, 1, 40, 40)
        for part, value in ((0, 0.5), (1, -0.5)):
            xy[:, :, 3, 8 * part + 3] = value
            known[:, :, 3, 8 * part + 3] = 1
        filled = fill_coordinates(xy, known, parts=True, mirror=False)
        assert torch.allclose(filled[0, :, :8, :8], torch.full((2, 8, 8), 0.5), atol=1e-5)
        assert torch.allclose(filled[0, :, :8, 8:16], torch.full((2, 8, 8), -0.5), atol=1e-5)
        assert torch.allclose(filled[0, :, 8:], torch.zeros(2, 32, 40), atol=1e-5)  # the mean of both

    def test_the_mirror_image_fills_a_twin(self):
        xy, known = torch.zeros(1, 2, 40, 40), torch.zeros(1, 1, 40, 40)
        left, right = PARTS.index("l_hand"), PARTS.index("r_hand")
        row, column = 8 * (left // ATLAS_GRID), 8 * (left % ATLAS_GRID)
        xy[:, :, row : row + 8, column : column + 8], known[:, :, row : row + 8, column : column + 8] = 0.7, 1
        row, column = 8 * (right // ATLAS_GRID), 8 * (right % ATLAS_GRID)
        filled = fill_coordinates(xy, known, parts=True, mirror=True)
        assert torch.allclose(filled[0, :, row : row + 8, column : column + 8], torch.full((2, 8, 8), 0.7), atol=1e-5)

    def test_pull_push_without_anything_known_stays_unknown(self):
        _, there = pull_push(torch.zeros(1, 2, 7, 7), torch.zeros(1, 1, 7, 7))
        assert not there.any()
