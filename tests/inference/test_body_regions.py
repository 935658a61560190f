"""Positions in a drawing, moved into the region of the body that they are to show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from capture.inference.body_regions import BodyRegions, region_of_parts
from capture.inference.drawing import cut_drawing
from capture.inference.window import Window
from capture.io.iuv import FACE_PARTS, PART, PARTS

SIZE = 64
RED, BLUE, BLACK = (200, 60, 40, 255), (40, 60, 200, 255), (20, 20, 20, 255)
ARM, CHEST, HEAD, FOOT = (PART[name] for name in ("l_forearm", "chest", "head", "r_foot"))


def arm_and_trunk() -> tuple[np.ndarray, np.ndarray]:
    """The parts and the pixels of a drawing: a thin arm (columns 8 to 13) hangs on a trunk (columns 20 to 43)."""
    labels = np.zeros((SIZE, SIZE), np.int64)
    labels[10:50, 8:14], labels[10:50, 20:44] = ARM + 1, CHEST + 1
    labels[10:13, 14:20] = ARM + 1
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    pixels[labels > 0] = RED
    return labels, pixels


def regions_of(labels: np.ndarray, pixels: np.ndarray) -> BodyRegions:
    drawing = cut_drawing(Image.fromarray(pixels), Window.whole(SIZE, SIZE), SIZE)
    logits = 12 * F.one_hot(torch.from_numpy(labels), len(PARTS) + 1).permute(2, 0, 1)[None].float()
    return BodyRegions(drawing, logits)


@pytest.fixture(scope="module")
def regions():
    return regions_of(*arm_and_trunk())


def at(column: float, row: float) -> torch.Tensor:
    """The position (2, 1, 1) of a pixel's middle."""
    return ((2 * torch.tensor([column, row]) + 1) / SIZE - 1)[:, None, None]


def pixel(position: torch.Tensor) -> list[float]:
    return (((position[:, 0, 0] + 1) * SIZE - 1) / 2).tolist()


class TestCorrected:
    def test_a_position_in_its_region_stays(self, regions):
        position = at(10.3, 20.4)
        assert torch.equal(regions.corrected(position, torch.full((1, 1), ARM)), position)

    @pytest.mark.parametrize("column", [4, 17, 26])
    def test_a_position_on_the_ground_or_on_another_region_moves_to_the_nearest_pixel_of_its_own(self, regions, column):
        moved = pixel(regions.corrected(at(column, 30), torch.full((1, 1), ARM)))
        assert moved == pytest.approx([9 if column < 8 else 12, 30])  # inside of the arm's edge, which may be blurred

    def test_parts_of_one_region_are_not_told_apart(self, regions):
        position = at(30, 30)
        assert torch.equal(regions.corrected(position, torch.full((1, 1), PART["belly"])), position)

    @pytest.mark.parametrize("part", [HEAD, FOOT])
    def test_a_region_that_the_drawing_lacks_moves_nothing(self, regions, part):
        position = at(3, 3)
        assert torch.equal(regions.corrected(position, torch.full((1, 1), part)), position)

    def test_every_pixel_is_moved_by_its_own_part(self, regions):
        grid = torch.cat([at(17, 30), at(17, 30)], dim=2)
        moved = regions.corrected(grid, torch.tensor([[ARM, CHEST]]))
        assert pixel(moved[:, :, :1]) == pytest.approx([12, 30]) and pixel(moved[:, :, 1:]) == pytest.approx([21, 30])

    @pytest.mark.parametrize(("colour", "stays"), [(RED, False), (BLUE, True)])
    def test_a_small_patch_apart_from_its_limb_belongs_to_it_only_if_it_stands_out(self, colour, stays):
        labels, pixels = arm_and_trunk()
        labels[44:48, 28:32], pixels[44:48, 28:32] = PART["l_hand"] + 1, colour
        position = at(30, 46)
        moved = regions_of(labels, pixels).corrected(position, torch.full((1, 1), ARM))
        assert pixel(moved) == pytest.approx([30, 46] if stays else [12, 46])

    def test_the_line_around_a_limb_is_shown_at_the_edge_of_the_result_and_not_in_it(self):
        labels = np.zeros((SIZE, SIZE), np.int64)
        labels[8:56, 10:30], labels[8:56, 30:54] = ARM + 1, CHEST + 1
        pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
        pixels[8:56, 10:54] = BLACK
        pixels[10:54, 12:29] = pixels[10:54, 31:52] = RED  # two pixels of line around the figure, and two inside of it
        pixels[30:34, 20:22] = BLACK  # a button
        regions = regions_of(labels, pixels)
        assert regions.drawing.outline is not None
        grid, part = at(29, 20).expand(2, 24, 24).clone(), torch.full((24, 24), ARM)
        moved = regions.corrected(grid, part)
        assert torch.equal(moved[:, 0], grid[:, 0])
        assert pixel(moved[:, 12:13, 12:13]) == pytest.approx([28, 20])
        on_button = at(20, 31).expand(2, 24, 24).clone()
        assert torch.equal(regions.corrected(on_button, part), on_button)


def test_every_part_has_a_region_and_limbs_are_apart():
    regions = region_of_parts()
    assert len(regions) == len(PARTS) + len(FACE_PARTS) and regions.min() == 1
    limbs = [regions[PART[name]] for name in ("l_hand", "r_hand", "l_shin", "r_shin")]
    assert len(set(limbs)) == 4 and regions[PART["l_hand"]] == regions[PART["l_upper_arm"]]
    assert regions[PART["hat"]] == regions[PART["face"]] == regions[-1] != regions[PART["belly"]]
