"""Layout files: those that come along, and what is said about wrong ones."""

from __future__ import annotations

import pytest

from capture.common.errors import CaptureError
from capture.data.sprites.layout import read_layout
from tests.conftest import ROOT

SHIPPED = sorted((ROOT / "configs" / "sprites").glob("*.yaml"))
SHEET = "sheets: [{%s grid: [3, 2], directions: {front: 0}, clips: {walk: {columns: [0, 1]}}}]"


class TestReadLayout:
    def test_the_layouts_that_come_along(self):
        names = {path.stem for path in SHIPPED}
        assert names == {"lpc", "rpg_maker", "charles_gabriel", "last_guardian", "puny_characters"}
        for path in SHIPPED:
            assert read_layout(path)

    def test_the_lpc_layout_has_the_cells_of_prepare_lpc(self):
        from capture.data.lpc.sheets import CLIPS
        from capture.data.sprites.sheets import poses_of

        (sheet,) = read_layout(ROOT / "configs" / "sprites" / "lpc.yaml").sheets
        cells = {(clip, f"{i:02d}"): (i, row, False) for clip, (row, frames) in CLIPS.items() for i in range(frames)}
        assert poses_of(sheet) == cells

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "give either sheets, a list of layouts, or sprites"),
            ("sheets: 3", "sheets: Input should be a valid list"),
            ("sheet: []", "sheet: unknown key"),
            (SHEET % "cel: [8, 8],", "sheets.0.cel: unknown key"),
            (SHEET % "cell: [8],", "sheets.0.cell: List should have at least 2 items"),
            (SHEET % "cell: [8, 0],", "sheets.0.cell.1: Input should be greater than or equal to 1"),
            (SHEET % "", "cell: null needs blocks"),
            (
                SHEET % "cell: [8, 8], transparent: [1, 2, 300],",
                "sheets.0.transparent: give alpha, corner, or a colour",
            ),
            (SHEET % "cell: [8, 8], mirrored: {left: right},", "mirrored.left: give a new direction and one of front"),
            (
                "sheets: [{cell: [8, 8], grid: [3, 2], directions: {front: 0}, clips: {walk: {columns: [3]}}}]",
                "clips.walk: column 3, but a character has 3 columns",
            ),
            (
                "sheets: [{cell: [8, 8], grid: [3, 2], directions: {front: 1}, clips: {walk: {row: 1, columns: [0]}}}]",
                "clips.walk: row 2, but a character has 2 rows",
            ),
            ("sprites: {files: 3}", "sprites.files: Input should be a valid string"),
            ("sprites: {files: x.png, names: {fr: 'fro nt'}}", "sprites.names.fr"),
            ("[1", "not valid YAML"),
        ],
    )
    def test_a_wrong_file_gives_one_line_that_names_the_key(self, tmp_path, text, message):
        path = tmp_path / "layout.yaml"
        path.write_text(text)
        with pytest.raises(CaptureError) as caught:
            read_layout(path)
        assert message in str(caught.value) and str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(CaptureError, match="can't read this layout file"):
            read_layout(tmp_path / "nowhere.yaml")
