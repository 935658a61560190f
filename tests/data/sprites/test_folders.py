"""Folders of single sprites -> characters, by a pattern of file names."""

from __future__ import annotations

import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.sprites.folders import find_sprite_characters, name_pattern
from capture.data.sprites.layout import SpriteLayout
from tests.helpers.sprite_sheets import draw_cell

PATTERN = "{character}_{direction:bk|fr}{frame}.png"


def sprites(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_cell((9, 9, 9), 0, 0)).save(root / name)
    return [root / name for name in names]


class TestNamePattern:
    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("dark_elf_bk2.png", ("dark_elf", "bk", "2")),
            ("amg1_fr1.png", ("amg1", "fr", "1")),
            ("amg1_lf1.png", None),
            ("amg1_fr.png", None),
            ("below/amg1_fr1.png", None),
        ],
    )
    def test_fields(self, name, found):
        match = name_pattern(PATTERN).fullmatch(name)
        assert (match and match.group("character", "direction", "frame")) == found

    @pytest.mark.parametrize(
        "files", ["{character}.png", "{frame}.png", "{character}{char}.png", "{character}{frame}{frame}"]
    )
    def test_wrong_patterns(self, files):
        with pytest.raises(CaptureError, match="files: .*give"):
            name_pattern(files)


class TestFindSpriteCharacters:
    def test_characters_clips_and_frames(self, tmp_path):
        files = sprites(
            tmp_path, "a_bk1.png", "a_bk2.png", "a_fr1.png", "b_bk1.png", "b_bk2.png", "b_fr1.png", "readme.png"
        )
        layout = SpriteLayout(files=PATTERN, names={"bk": "back", "fr": "front"})
        found, broken, other = find_sprite_characters(tmp_path, files, layout)
        assert [one.name for one in found] == ["a", "b"] and not broken and other == files[-1:]
        assert found[0].clips == {"back": ["01", "02"], "front": ["01"]}

    def test_folders_in_the_pattern(self, tmp_path):
        files = sprites(tmp_path, "elf/walk/3.png", "elf/run/0.png")
        (elf,), _, _ = find_sprite_characters(tmp_path, files, SpriteLayout(files="{character}/{clip}/{frame}.png"))
        assert elf.clips == {"run": ["00"], "walk": ["03"]}

    def test_names_that_differ_only_outside_ascii_or_in_capital_letters_are_refused(self, tmp_path):
        for one, other in (("hér", "här"), ("Elf", "elf")):
            files = sprites(tmp_path, f"{one}_bk1.png", f"{other}_fr1.png")
            with pytest.raises(CaptureError, match=f"characters {one} and {other} would both be called .*; rename one"):
                find_sprite_characters(tmp_path, files, SpriteLayout(files=PATTERN))
        files = sprites(tmp_path, "elf/süd/0.png", "elf/sud/0.png", "elf/säd/1.png")
        with pytest.raises(CaptureError, match="clips süd and säd would both be called s_d"):
            find_sprite_characters(tmp_path, files, SpriteLayout(files="{character}/{clip}/{frame}.png"))

    def test_values_and_endings_in_capital_letters_are_those_of_the_layout(self, tmp_path):
        files = sprites(tmp_path, "a_bk1.png", "a_BK2.PNG", "a_Fr1.png")
        layout = SpriteLayout(files=PATTERN, names={"bk": "back"})
        (found,), broken, other = find_sprite_characters(tmp_path, files, layout)
        assert found.clips == {"back": ["01", "02"], "fr": ["01"]} and not broken and not other
        layout = SpriteLayout(files="{character}_{direction}{frame}.png", names={"bk": "back", "fr": "front"})
        (found,), broken, other = find_sprite_characters(tmp_path, files, layout)
        assert found.clips == {"back": ["01", "02"], "front": ["01"]} and not broken and not other

    def test_missing_broken_and_doubled_sprites_are_named(self, tmp_path):
        files = sprites(tmp_path, *(f"{who}_bk{i}.png" for who in "abc" for i in (1, 2)), "c_bk01.png")
        files[0].write_bytes(b"")
        files.remove(tmp_path / "b_bk2.png")
        found, broken, _ = find_sprite_characters(tmp_path, files, SpriteLayout(files=PATTERN))
        reasons = {path.name: reason for path, reason in broken.items()}
        assert (
            reasons["a_bk1.png"].startswith("an empty file") and reasons["c_bk01.png"] == "the same pose as c_bk1.png"
        )
        assert reasons["b"] == "no file for bk 02" and "no file for bk 01" in reasons["a"]
        assert [one.name for one in found] == ["a", "b", "c"]
