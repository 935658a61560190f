"""Frames that drive from elsewhere than a video: cells of sprite sheets, and folders at a given rate."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.inputs import Driver, folder_frames
from capture.inference.pose_frames import parse_cells, sheet_frames
from tests.helpers.make_animations import moving_square


@pytest.fixture
def sheet(tmp_path):
    """Seven frames of 40 x 30 in three rows of three; the last two cells are clear."""
    cells = [*moving_square(7, alpha=True), *[np.zeros((30, 40, 4), np.uint8)] * 2]
    rows = [np.concatenate(cells[k : k + 3], 1) for k in (0, 3, 6)]
    Image.fromarray(np.concatenate(rows)).save(tmp_path / "hero.png")
    return tmp_path / "hero.png"


class TestSheets:
    def test_cells_are_frames_row_by_row_and_blank_ones_are_left_out(self, sheet):
        with Driver(sheet_frames(sheet, "3x3")) as driver:
            assert len(driver) == 7 and driver.sound is None
            for i, frame in enumerate(moving_square(7, alpha=True)):
                image = driver.read(i)
                assert image.mode == "RGBA" and np.array_equal(np.asarray(image), frame)
            assert [float(t) for t in driver.times[:3]] == pytest.approx([0, 1 / 12, 2 / 12])

    def test_chosen_cells_in_their_order(self, sheet):
        frames = moving_square(7, alpha=True)
        poses = sheet_frames(sheet, "3x3", "4-2,0", fps=10)
        assert poses.count == 4 and float(poses.times[-1]) == pytest.approx(0.4)
        for i, k in enumerate((4, 3, 2, 0)):
            assert np.array_equal(np.asarray(poses.read(i)), frames[k])

    def test_another_row_or_a_jump_begins_another_sequence(self, sheet):
        assert sheet_frames(sheet, "3x3").starts == (3, 6)
        assert sheet_frames(sheet, "3x3", "0,2,1,4,5").starts == (1, 3)

    def test_blank_cells_of_an_opaque_sheet(self, tmp_path):
        cells = [*moving_square(2, alpha=False), np.full((30, 40, 3), 235, np.uint8)]
        sheet = Image.fromarray(np.concatenate(cells, 1))
        for mode in ("RGB", "RGBA"):
            sheet.convert(mode).save(tmp_path / "a.png")
            assert sheet_frames(tmp_path / "a.png", "3x1").count == 2

    def test_cells_by_numbers_and_ranges(self):
        assert parse_cells("0-3,7", 9) == [0, 1, 2, 3, 7]
        assert parse_cells("3-0", 9) == [3, 2, 1, 0]

    @pytest.mark.parametrize(
        ("grid", "chosen", "complaint"),
        [("9by4", None, "give columns x rows"), ("0x3", None, "give columns x rows"), ("7x3", None, "do not divide"),
         ("3x3", "0-9", "cells are 0 to 8"), ("3x3", "first", "numbers and ranges"), ("3x3", "", "numbers and ranges")],
    )  # fmt: skip
    def test_what_is_refused(self, sheet, grid, chosen, complaint):
        with pytest.raises(CaptureError, match=complaint):
            sheet_frames(sheet, grid, chosen)

    def test_a_sheet_of_blank_cells(self, tmp_path):
        Image.new("RGBA", (40, 40)).save(tmp_path / "a.png")
        with pytest.raises(CaptureError, match="all 4 cells of this sheet are blank"):
            sheet_frames(tmp_path / "a.png", "2x2")


class TestFolders:
    def test_the_rate_is_what_is_asked_for(self, tmp_path):
        for i, frame in enumerate(moving_square(3, alpha=False)):
            Image.fromarray(frame).save(tmp_path / f"f{i + 8}.png")
        assert [float(t) for t in folder_frames(tmp_path, 8).times] == pytest.approx([0, 0.125, 0.25, 0.375])
        assert [float(t) for t in Driver(tmp_path).times] == pytest.approx([0, 0.04, 0.08, 0.12])
