"""Sheets of cells -> characters: grids, blocks, wrong sizes and missing cells."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from capture.data.sprites.layout import SheetLayout
from capture.data.sprites.sheets import find_sheet_characters
from capture.data.sprites.sprite import cut, open_sheet
from tests.helpers.sprite_sheets import draw_block, draw_cell

RED, BLUE = (200, 20, 20), (20, 20, 200)
FIELDS = {
    "cell": [8, 8],
    "grid": [3, 2],
    "directions": {"front": 0, "right": 1},
    "clips": {"walk": {"columns": [0, 1]}, "punch": {"columns": [2]}},
}


def layout(**changes) -> SheetLayout:
    return SheetLayout.model_validate({**FIELDS, **changes})


def save(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def pixels(character, pose):
    sprite = character.sprites[pose]
    return np.asarray(cut(open_sheet(sprite.path, character.transparent), sprite))


class TestGrid:
    def test_cells_by_clip_direction_and_frame(self, tmp_path):
        path = save(tmp_path / "hero.png", draw_block(RED))
        (hero,), broken, other = find_sheet_characters([path], [layout()])
        assert not broken and not other and hero.name == "hero"
        assert hero.clips == {
            **{"walk_front": ["00", "01"], "walk_right": ["00", "01"]},
            **{"punch_front": ["00"], "punch_right": ["00"]},
        }
        assert (pixels(hero, ("walk_right", "01")) == draw_cell(RED, 1, 1)).all()
        assert (pixels(hero, ("punch_front", "00")) == draw_cell(RED, 2, 0)).all()

    def test_a_mirrored_direction(self, tmp_path):
        path = save(tmp_path / "hero.png", draw_block(RED))
        (hero,), _, _ = find_sheet_characters([path], [layout(mirrored={"left": "right"})])
        assert (pixels(hero, ("walk_left", "00")) == draw_cell(RED, 0, 1)[:, ::-1]).all()

    def test_a_clips_own_row_of_a_mirrored_direction_is_used(self, tmp_path):
        path = save(tmp_path / "hero.png", draw_block(RED))
        own = {"columns": [2], "directions": {"left": 0, "right": 1}}
        clips = {"walk": {"columns": [0]}, "punch": own}
        (hero,), _, _ = find_sheet_characters([path], [layout(mirrored={"left": "right"}, clips=clips)])
        assert (pixels(hero, ("punch_left", "00")) == draw_cell(RED, 2, 0)).all()
        assert (pixels(hero, ("walk_left", "00")) == draw_cell(RED, 0, 1)[:, ::-1]).all()

    def test_an_ending_in_capital_letters(self, tmp_path):
        path = save(tmp_path / "hero.PNG", draw_block(RED))
        (hero,), _, other = find_sheet_characters([path], [layout(files="h*.png")])
        assert hero.name == "hero" and not other
        assert find_sheet_characters([path], [layout(exclude=["hero.png"])])[2] == [path]

    def test_margin_and_spacing(self, tmp_path):
        sheet = np.full((2 * 3 + 2 * 8 + 1, 2 * 3 + 3 * 8 + 2, 4), 99, np.uint8)
        for column in range(3):
            for row in range(2):
                sheet[3 + 9 * row : 11 + 9 * row, 3 + 9 * column : 11 + 9 * column] = draw_cell(BLUE, column, row)
        path = save(tmp_path / "hero.png", sheet)
        (hero,), broken, _ = find_sheet_characters([path], [layout(margin=3, spacing=1)])
        assert not broken and (pixels(hero, ("punch_right", "00")) == draw_cell(BLUE, 2, 1)).all()

    def test_several_characters_on_a_sheet_and_an_empty_place(self, tmp_path):
        blank = np.zeros_like(draw_block(RED))
        rows = [np.concatenate([draw_block(RED), draw_block(BLUE)], 1), np.concatenate([blank, draw_block(RED)], 1)]
        path = save(tmp_path / "all.png", np.concatenate(rows))
        found, broken, _ = find_sheet_characters([path], [layout()])
        assert [character.name for character in found] == ["all_001", "all_002", "all_004"] and not broken
        assert (pixels(found[1], ("walk_front", "00")) == draw_cell(BLUE, 0, 0)).all()

    def test_the_cell_size_follows_from_the_number_of_blocks(self, tmp_path):
        path = save(tmp_path / "all.png", np.concatenate([draw_block(RED), draw_block(BLUE)], 1))
        _, hero = find_sheet_characters([path], [layout(cell=None, blocks=[2, 1])])[0]
        assert (pixels(hero, ("walk_right", "01")) == draw_cell(BLUE, 1, 1)).all()

    def test_the_first_layout_that_fits_the_size_is_taken(self, tmp_path):
        two = layout(cell=None, blocks=[2, 1], smallest_cell=[6, 6])
        one = layout(cell=None, blocks=[1, 1])
        paths = [
            save(tmp_path / "a.png", draw_block(RED)),
            save(tmp_path / "b.png", np.concatenate([draw_block(RED), draw_block(BLUE)], 1)),
        ]
        found, broken, _ = find_sheet_characters(paths, [two, one])
        assert [character.name for character in found] == ["a", "b_001", "b_002"] and not broken

    @pytest.mark.parametrize("ground", ["corner", [255, 0, 255]])
    def test_a_colour_for_the_ground(self, tmp_path, ground):
        block = draw_block(RED)
        sheet = np.where(block[..., 3:] > 0, block[..., :3], np.uint8([255, 0, 255])).astype(np.uint8)
        path = save(tmp_path / "hero.png", sheet)
        (hero,), _, _ = find_sheet_characters([path], [layout(transparent=ground)])
        assert (pixels(hero, ("walk_front", "00"))[..., 3] == draw_cell(RED, 0, 0)[..., 3]).all()

    def test_black_outlines_stay_where_the_corner_is_transparent_already(self, tmp_path):
        path = save(tmp_path / "hero.png", draw_block((0, 0, 0)))
        (hero,), broken, _ = find_sheet_characters([path], [layout(transparent="corner")])
        assert (pixels(hero, ("walk_front", "00")) == draw_cell((0, 0, 0), 0, 0)).all() and not broken


class TestFaults:
    def reason(self, path, **changes):
        found, broken, _ = find_sheet_characters([path], [layout(**changes)])
        return found, broken.get(path, "")

    def test_wrong_size(self, tmp_path):
        path = save(tmp_path / "wide.png", draw_block(RED)[:, :20])
        found, reason = self.reason(path)
        assert not found and reason == "20x16 is not a number of blocks of 3x2 cells of 8x8 pixels"
        path = save(tmp_path / "large.png", np.concatenate([draw_block(RED)] * 2))
        assert "is not 1 blocks" in self.reason(path, blocks=[1, 1])[1]
        assert self.reason(path, blocks=[1, 1], larger=True)[0][0].name == "large"

    def test_unreadable(self, tmp_path):
        (tmp_path / "note.png").write_bytes(b"no picture")
        assert self.reason(tmp_path / "note.png")[1].startswith("not a picture")

    def test_no_transparency(self, tmp_path):
        path = save(tmp_path / "opaque.png", draw_block(RED)[..., :3])
        assert "no transparency" in self.reason(path)[1]

    def test_a_clip_with_an_empty_cell_is_left_out_and_named(self, tmp_path):
        block = draw_block(RED)
        block[8:16, 8:16] = 0
        found, reason = self.reason(save(tmp_path / "hero.png", block))
        assert reason == "cells are empty (hero walk_right 01), so their clips are left out"
        assert set(found[0].clips) == {"walk_front", "punch_front", "punch_right"}

    def test_nothing_drawn(self, tmp_path):
        path = save(tmp_path / "blank.png", np.zeros_like(draw_block(RED)))
        assert self.reason(path)[1] == "nothing is drawn in its cells"

    def test_names_that_no_layout_has_are_passed_over(self, tmp_path):
        paths = [save(tmp_path / name, draw_block(RED)) for name in ("hero.png", "slime.png", "other.gif")]
        found, broken, other = find_sheet_characters(paths, [layout(exclude=["sl*"])])
        assert [character.name for character in found] == ["hero"] and not broken and other == paths[1:]
