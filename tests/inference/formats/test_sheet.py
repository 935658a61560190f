"""Sprite sheets: their cells are the frames, and their JSON is what Aseprite and TexturePacker write."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.inference.formats.base import Tag, Timeline
from capture.inference.formats.sheet import SheetOptions, choose_grid, sheet_file
from tests.helpers.make_animations import moving_square, write_all

TAGS = (Tag("walk_front", 0, 3), Tag("walk_left", 4, 7))


def written(path, frames, tags=(), options=None, fps=12):
    """The sheet as an array, and its JSON."""
    times = [Fraction(i, fps) for i in range(len(frames) + 1)]
    write_all(sheet_file(path, Timeline(times, tags), options), frames)
    with Image.open(path) as image:
        image.load()
        return np.asarray(image), json.loads(path.with_suffix(".json").read_text())


def cell(sheet, row):
    """What the JSON says is a frame."""
    place = row["frame"]
    return sheet[place["y"] : place["y"] + place["h"], place["x"] : place["x"] + place["w"]]


class TestCells:
    @pytest.mark.parametrize("alpha", [False, True])
    @pytest.mark.parametrize("options", [SheetOptions(), SheetOptions(3), SheetOptions(1, True), SheetOptions(2, True)])
    @pytest.mark.parametrize("count", [1, 7, 8])
    def test_cells_equal_the_frames(self, tmp_path, alpha, options, count):
        frames = moving_square(count, alpha)
        sheet, data = written(tmp_path / "a.png", frames, options=options)
        assert len(data["frames"]) == count
        for row, frame in zip(data["frames"], frames, strict=True):
            assert np.array_equal(cell(sheet, row)[..., : frame.shape[2]], frame)
            assert alpha or (cell(sheet, row)[..., 3] == 255).all()
        taken = np.zeros(sheet.shape[:2], bool)
        for row in data["frames"]:
            assert not cell(taken, row).any()  # no two frames share a pixel
            cell(taken, row)[:] = True
        assert not sheet[~taken].any()

    def test_noise_survives_the_row_filters(self, tmp_path):
        frames = list(np.random.default_rng(0).integers(0, 256, (5, 17, 23, 4), dtype=np.uint8))
        sheet, data = written(tmp_path / "a.png", frames)
        assert all(np.array_equal(cell(sheet, row), frame) for row, frame in zip(data["frames"], frames))

    def test_one_row_for_each_tag(self, tmp_path):
        sheet, data = written(tmp_path / "a.png", moving_square(8, alpha=True), TAGS)
        assert sheet.shape == (60, 160, 4)
        assert [row["frame"]["y"] for row in data["frames"]] == [0] * 4 + [30] * 4

    def test_powers_of_two(self, tmp_path):
        sheet, data = written(tmp_path / "a.png", moving_square(5, alpha=True), options=SheetOptions(0, True))
        assert sheet.shape[:2] == (64, 128)  # 3 x 2 cells of 40 x 30
        assert data["meta"]["size"] == {"w": 128, "h": 64}

    def test_grids_are_about_square(self):
        assert choose_grid(12, 100, 100, (), SheetOptions()).columns == 4
        assert choose_grid(7, 100, 100, (), SheetOptions()).columns == 3
        assert choose_grid(9, 10, 100, (), SheetOptions()).columns == 9
        assert choose_grid(9, 100, 10, (), SheetOptions()).columns == 1

    def test_a_sheet_that_no_graphics_card_holds_is_refused(self, tmp_path):
        timeline = Timeline([Fraction(i, 12) for i in range(401)])
        with (
            pytest.raises(CaptureError, match="graphics cards hold 16384"),
            sheet_file(tmp_path / "a.png", timeline) as write,
        ):
            write(np.zeros((1024, 1024, 4), np.uint8))
        assert not list(tmp_path.iterdir())


class TestJson:
    def test_array_has_what_importers_of_aseprite_files_read(self, tmp_path):
        """Phaser's createFromAseprite looks frames up by their numbers, which are the names, too."""
        _, data = written(tmp_path / "a.png", moving_square(8, alpha=True), TAGS)
        for i, row in enumerate(data["frames"]):
            assert row["filename"] == str(i)
            assert (row["rotated"], row["trimmed"]) == (False, False)
            assert row["spriteSourceSize"] == {"x": 0, "y": 0, "w": 40, "h": 30}
            assert row["sourceSize"] == {"w": 40, "h": 30}
        assert [row["duration"] for row in data["frames"]][:4] == [83, 84, 83, 83]
        assert sum(row["duration"] for row in data["frames"]) == 667
        meta = data["meta"]
        assert (meta["image"], meta["format"], meta["scale"]) == ("a.png", "RGBA8888", "1")
        assert [(t["name"], t["from"], t["to"], t["direction"]) for t in meta["frameTags"]] == [
            ("walk_front", 0, 3, "forward"),
            ("walk_left", 4, 7, "forward"),
        ]

    def test_hash_names_frames_and_animations(self, tmp_path):
        sheet, data = written(tmp_path / "a.png", moving_square(8, alpha=False), TAGS, SheetOptions(json="hash"))
        assert list(data["frames"])[3:5] == ["walk_front_03.png", "walk_left_00.png"]
        assert data["animations"]["walk_left"] == [f"walk_left_0{i}.png" for i in range(4)]
        assert data["meta"]["format"] == "RGBA8888" and sheet.shape[2] == 4
        assert "filename" not in data["frames"]["walk_front_00.png"]


def by_animations(data):
    """As PixiJS's Spritesheet and AnimatedSprite do: names of a tag, each a frame of the dictionary."""
    assert all(set(row) >= {"frame", "rotated", "trimmed", "sourceSize"} for row in data["frames"].values())
    return {tag: [data["frames"][name] for name in names] for tag, names in data["animations"].items()}


def by_number(data):
    """As Phaser's createFromAseprite does: a frame is found by its number, which is its filename."""
    rows = {row["filename"]: row for row in data["frames"]}
    return {tag["name"]: [rows[str(i)] for i in range(tag["from"], tag["to"] + 1)] for tag in data["meta"]["frameTags"]}


def by_position(data):
    """As KAPLAY's loadAseprite and Excalibur's plug-in do: a tag counts the frames, of a list or of a dictionary."""
    rows = list(data["frames"].values() if isinstance(data["frames"], dict) else data["frames"])
    return {tag["name"]: rows[tag["from"] : tag["to"] + 1] for tag in data["meta"]["frameTags"]}


@pytest.mark.parametrize(
    ("kind", "reader"),
    [("hash", by_animations), ("array", by_number), ("array", by_position), ("hash", by_position)],
)
@pytest.mark.parametrize("padding", [0, 3])
def test_engines_find_the_frames_of_each_tag(tmp_path, kind, reader, padding):
    """The ways in which the engines that were tried read the JSON (docs/ANIMATE.md)."""
    frames = moving_square(8, alpha=True)
    sheet, data = written(tmp_path / "a.png", frames, TAGS, SheetOptions(padding, padding > 0, kind))
    assert data["meta"]["image"] == "a.png"
    assert (data["meta"]["size"]["h"], data["meta"]["size"]["w"]) == sheet.shape[:2]
    found = reader(data)
    assert list(found) == [tag.name for tag in TAGS]
    for tag in TAGS:
        for row, frame in zip(found[tag.name], frames[tag.first : tag.last + 1], strict=True):
            assert np.array_equal(cell(sheet, row), frame) and row["duration"] in (83, 84)


def test_neither_file_is_left_of_a_sheet_that_breaks_off(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        sheet_file(tmp_path / "a.png", Timeline([Fraction(0), Fraction(1)])) as write,
    ):
        write(moving_square(1, alpha=True)[0])
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
