"""Liberated Pixel Cup characters composed of layers, from made-up repositories of both layouts."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.index.catalog import scan
from capture.data.lpc.characters import choose_characters
from capture.data.lpc.layers import find_styles, layer_root
from capture.data.lpc.pieces import ACTIONS, CELL, COLUMNS, ROWS, Piece, draw_sheet
from capture.data.lpc.sheets import prepare_lpc
from capture.io.images import open_rgb
from capture.io.pairs import read_pairs

# where in a cell the made-up layers draw, as (top, bottom, left, right)
BOXES = {
    "body": (8, 60, 24, 40),
    "head": (2, 8, 24, 40),
    "eyes": (12, 14, 26, 38),
    "feet": (54, 60, 22, 42),
    "legs": (40, 56, 24, 40),
    "torso": (24, 42, 22, 42),
    "hair": (4, 14, 22, 42),
    "hat": (2, 8, 20, 44),
    "beard": (18, 22, 28, 36),
}


def cells(slot: str, colour: tuple[int, int, int], rows: int, columns: int) -> np.ndarray:
    cell = np.zeros((CELL, CELL, 4), np.uint8)
    top, bottom, left, right = BOXES[slot]
    cell[top:bottom, left:right] = (*colour, 255)
    return np.tile(cell, (rows, columns, 1))


def whole(path: Path, slot: str, colour: tuple[int, int, int], without: str = "", height: int = ROWS) -> None:
    """A whole sheet with the same block in every cell, but none in one action."""
    sheet = cells(slot, colour, height, COLUMNS)
    if without:
        row, _, rows = ACTIONS[without]
        sheet[row * CELL : (row + rows) * CELL] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path, compress_level=1)


def by_action(folder: Path, slot: str, colour: tuple[int, int, int], name: str = "", without: str = "") -> None:
    """<folder>/<action>/<name>.png, or <folder>/<action>.png."""
    for action, (_, frames, rows) in ACTIONS.items():
        if action != without:
            path = folder / action / f"{name}.png" if name else folder / f"{action}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(cells(slot, colour, rows, frames)).save(path, compress_level=1)


SKINS = {"light": (250, 210, 180), "dark": (120, 80, 60)}
DYES = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}


@pytest.fixture(scope="module")
def sorted_by_part(tmp_path_factory) -> Path:
    """The layout with parts at the top and bodies in the names."""
    root = tmp_path_factory.mktemp("layers")
    for body in ("male", "female"):
        for skin, colour in SKINS.items():
            whole(root / f"body/{body}/{skin}.png", "body", colour)
        whole(root / f"body/{body}/eyes/blue.png", "eyes", DYES["blue"])
        whole(root / f"body/{body}/ears/big_light.png", "hat", SKINS["light"])
        for dye, colour in DYES.items():
            whole(root / f"hair/{body}/bangs/{dye}.png", "hair", colour)
            whole(root / f"legs/pants/{body}/{dye}_pants_{body}.png", "legs", colour)
            whole(
                root / f"torso/plate/{dye}_chest_{body}.png", "torso", colour, height=ROWS + 33
            )  # a newer, taller one
        whole(root / f"hair/{body}/bangs.png", "hair", (255, 0, 255))  # what the colours were made from
    whole(root / "feet/boots.png", "feet", (90, 60, 30))  # fits both
    whole(root / "facial/male/beard/brown.png", "beard", (90, 60, 30))
    whole(root / "torso/robes_female_no_th-sh/black.png", "torso", (1, 2, 3), without="thrust")
    whole(root / "body/wound.png", "eyes", (255, 0, 0))
    (root / "body/child").mkdir()
    Image.new("RGBA", (768, 1344), (1, 1, 1, 255)).save(root / "body/child/child_walk_light.png")
    (root / "AUTHORS.txt").write_text("Everyone who drew.\n")
    return root


@pytest.fixture(scope="module")
def with_definitions(tmp_path_factory) -> Path:
    """The layout with spritesheets/ and sheet_definitions/: files by action, by colour, and palettes."""
    root = tmp_path_factory.mktemp("generator")
    sheets, definitions = root / "spritesheets", root / "sheet_definitions"

    def define(name: str, kind: str, layers: list[dict], **more) -> None:
        path = definitions / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"name": name, "type_name": kind, **{f"layer_{i}": layer for i, layer in enumerate(layers, 1)}, **more}
        path.write_text(json.dumps(about))

    bodies = ("male", "child")
    recolours = {"match_body_color": True, "recolors": {"material": "body", "palettes": ["ulpc"]}}
    for body in bodies:
        by_action(sheets / f"body/bodies/{body}", "body", (249, 211, 180))  # one off the palette's
        by_action(sheets / f"head/heads/{body}", "head", SKINS["light"])
        by_action(sheets / f"head/heads/{body}", "head", (9, 9, 9), name="dark")  # a file goes before a palette
    define("body/body", "body", [{"zPos": 10, **{b: f"body/bodies/{b}/" for b in bodies}}], **recolours)
    for body in bodies:
        define(f"head/{body}", "head", [{"zPos": 100, body: f"head/heads/{body}/"}], **recolours)
    by_action(sheets / "hair/tail/fg", "hair", DYES["red"], name="deep_red")
    by_action(sheets / "hair/tail/bg", "hat", DYES["blue"], name="deep_red")
    tails = [{"zPos": 120, "male": "hair/tail/fg/"}, {"zPos": 9, "male": "hair/tail/bg/"}]
    define("hair_tail", "hair", tails, variants=["deep red", "missing"])
    for body in bodies:
        whole(sheets / f"torso/shirt/{body}/white.png", "torso", (255, 255, 255), height=54)
        by_action(sheets / f"legs/pants/{body}", "legs", DYES["green"], name="green")
    define("shirt", "clothes", [{"zPos": 35, **{b: f"torso/shirt/{b}/" for b in bodies}}], variants=["white"])
    define("pants", "legs", [{"zPos": 20, **{b: f"legs/pants/{b}/" for b in bodies}}], variants=["green"])
    by_action(sheets / "hat/half", "hat", (1, 2, 3), name="gray", without="hurt")
    define("hat_half", "hat", [{"zPos": 130, **{b: "hat/half/" for b in bodies}}], variants=["gray"])
    define("sword", "weapon", [{"zPos": 140, "male": "weapon/sword/"}], variants=["steel"])
    define("skeleton", "body", [{"zPos": 10, "male": "body/bodies/skeleton/"}])
    define("frown", "hair", [{"zPos": 101, "male": "head/faces/${head}/frown/"}], variants=["light"])
    palettes = root / "palette_definitions" / "body"
    palettes.mkdir(parents=True)
    (palettes / "meta_body.json").write_text('{"default": "ulpc", "base": "light", "label": "Skin"}')
    ramps = {name: ["#{:02x}{:02x}{:02x}".format(*colour)] for name, colour in SKINS.items()}
    (palettes / "body_ulpc.json").write_text(json.dumps(ramps))
    (root / "CREDITS.csv").write_text(
        "filename,notes,authors,licenses,urls\n"
        '"body/bodies/male/walk.png","" ,"Ann, Ben" ,"CC-BY-SA 3.0","https://example.org"\n'
        "legs/pants,,Cid,CC0,\nhair/tail/fg/walk/deep_red.png,,Dan,CC0,\nhat/half,,Nobody,CC0,\n"
    )
    return root


class TestChooseCharacters:
    def test_layers_of_a_character_fit_together(self, sorted_by_part):
        styles = find_styles(sorted_by_part)
        characters = choose_characters(sorted_by_part, styles, 40, seed=0)
        assert len({character.pieces for character in characters}) == 40
        assert {character.body for character in characters} == {"male", "female"}
        used = {piece.name for character in characters for piece in character.pieces}
        assert {"feet/boots.png", "facial/male/beard/brown.png", "body/male/eyes/blue.png"} <= used
        for never in ("bangs.png", "no_th-sh", "wound", "child", "ears"):
            assert not any(never in name for name in used)
        for character in characters:
            names = [piece.name for piece in character.pieces]
            assert names[0].startswith(f"body/{character.body}/") and names[0].endswith(("light.png", "dark.png"))
            other = {"male": "female", "female": "male"}[character.body]
            assert not any(f"/{other}/" in name or f"_{other}." in name for name in names)
            parts = [name.split("/")[0] for name in names if "/eyes/" not in name]
            assert len(set(parts)) == len(parts)
            order = ["body", "feet", "legs", "torso", "facial", "hair"]
            assert [order.index(part) for part in parts] == sorted(order.index(part) for part in parts)

    def test_same_seed_gives_the_same_characters(self, sorted_by_part):
        styles = find_styles(sorted_by_part)
        some = choose_characters(sorted_by_part, styles, 8, seed=4)
        assert some == choose_characters(sorted_by_part, find_styles(sorted_by_part), 12, seed=4)[:8]
        assert some != choose_characters(sorted_by_part, styles, 8, seed=5)
        with pytest.raises(CaptureError, match="too few layers for 5000 different characters"):
            choose_characters(sorted_by_part, [style for style in styles if style.slot == "body"], 5000, seed=0)

    def test_layers_are_drawn_from_back_to_front(self, sorted_by_part):
        pieces = [
            Piece(35, ((None, "torso/plate/green_chest_male.png"),)),
            Piece(10, ((None, "body/male/dark.png"),)),
            Piece(20, ((None, "legs/pants/male/red_pants_male.png"),)),
        ]
        sheet = np.asarray(draw_sheet(sorted_by_part, pieces))
        assert sheet.shape == (CELL * ROWS, CELL * COLUMNS, 4)
        for row, column in ((0, 0), (20, 5)):
            cell = sheet[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
            assert tuple(cell[41, 32]) == (0, 200, 0, 255)  # the chest over the trousers
            assert tuple(cell[50, 32]) == (200, 0, 0, 255) and tuple(cell[15, 32]) == (120, 80, 60, 255)
            assert tuple(cell[0, 0]) == (0, 0, 0, 0)


class TestFindStyles:
    def test_both_layouts_of_repositories(self, sorted_by_part, with_definitions, tmp_path):
        assert layer_root(sorted_by_part) == sorted_by_part
        assert layer_root(with_definitions) == layer_root(with_definitions / "spritesheets")
        assert layer_root(tmp_path) is None
        slots = {style.slot for style in find_styles(with_definitions)}
        assert slots == {"body", "head", "hair", "torso", "legs", "hat"}

    def test_definitions_palettes_and_files_by_action(self, with_definitions):
        root = layer_root(with_definitions)
        characters = choose_characters(root, find_styles(with_definitions), 10, seed=0)
        assert {character.body for character in characters} == {"male", "child"}
        hairs = 0
        for character in characters:
            names = [piece.name for piece in character.pieces]
            assert not any("hat/half" in name or "skeleton" in name or "faces" in name for name in names)
            sheet = np.asarray(draw_sheet(root, character.pieces))
            cell = sheet[10 * CELL : 11 * CELL, :CELL]
            skin = "dark" if tuple(cell[16, 32, :3]) == SKINS["dark"] else "light"
            assert tuple(cell[16, 32, :3]) == SKINS[skin]  # recoloured, also where the file is one off
            if f"head/heads/{character.body}/*/dark.png" in names:
                assert skin == "dark"
            else:
                assert any(name == f"head/heads/{character.body}/*.png in light" for name in names) and skin == "light"
            if "hair/tail/fg/*/deep_red.png" in names:
                hairs += 1
                assert names[0] == "hair/tail/bg/*/deep_red.png" and tuple(cell[10, 23, :3]) == DYES["red"]
                assert tuple(cell[7, 21, :3]) == DYES["blue"]
        assert hairs


class TestWrongTypes:
    @pytest.mark.parametrize(
        ("file", "changes", "message"),
        [
            ("shirt.json", {"type_name": ["clothes"]}, "type_name is not text"),
            ("shirt.json", {"variants": 3}, "variants is not a list of names"),
            ("shirt.json", {"layer_1": {"zPos": "front", "male": "x/"}}, "zPos is not a whole number"),
            ("shirt.json", {"layer_1": {"zPos": [35], "male": "x/"}}, "zPos is not a whole number"),
            ("meta_body.json", {"base": ["light"]}, "base is not the name of a palette's colours"),
            ("body_ulpc.json", {"light": 7}, "light is not a list of colours"),
        ],
    )
    def test_a_definition_with_a_value_of_another_type_is_named(
        self, with_definitions, tmp_path, bad_input, file, changes, message
    ):
        root = Path(shutil.copytree(with_definitions, tmp_path / "layers"))
        (path,) = root.rglob(file)
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        line = bad_input("prepare.py", "lpc", root, tmp_path / "out", "--size", "64", "--characters", "2")
        assert f"{file}: {message}" in line and not (tmp_path / "out").exists()


class TestPrepareFromLayers:
    def test_prepared_tree(self, sorted_by_part, tmp_path):
        out = tmp_path / "lpc"
        manifest = prepare_lpc(sorted_by_part, out, 64, seed=1, pairs=10, workers=1, characters=5, test_characters=3)
        assert len(manifest["train_characters"]) == 5 and len(manifest["test_characters"]) == 3
        assert set(manifest["recipes"]) == {*manifest["train_characters"], *manifest["test_characters"]}
        assert json.loads((out / "manifest.json").read_text())["recipes"] == manifest["recipes"]
        catalog = scan(out)
        assert catalog.aligned and catalog.frames == 5 * 178
        for name in manifest["train_characters"]:
            picture = np.asarray(open_rgb(out / "train" / name / "walk_front" / "imgs" / "03.png"))
            skin = manifest["recipes"][name]["layers"][0].split("/")[-1].removesuffix(".png")
            assert tuple(picture[16, 32]) == SKINS[skin] and tuple(picture[0, 0]) == (235, 235, 235)
        for pair in read_pairs(out / "test" / "pairs.csv"):
            assert pair.identity.name.split("__")[0] == pair.target.name.split("__")[0]
            assert pair.pose.name.split("__")[1:] == pair.target.name.split("__")[1:]
        assert (out / "AUTHORS.txt").read_text() == "Everyone who drew.\n"
        # the same again is done already, other numbers are refused
        assert prepare_lpc(sorted_by_part, out, 64, 1, 10, characters=5, test_characters=3) == manifest
        with pytest.raises(CaptureError, match="prepared with other parameters"):
            prepare_lpc(sorted_by_part, out, 64, 1, 10, characters=6, test_characters=3)

    def test_credits_of_the_used_layers(self, with_definitions, tmp_path):
        out = tmp_path / "lpc"
        manifest = prepare_lpc(with_definitions, out, 64, pairs=4, workers=1, characters=4, test_characters=2)
        with open(out / "CREDITS.csv", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["filename", "notes", "authors", "licenses", "urls"]
        by_name = {row[0]: row for row in rows[1:]}
        assert by_name["legs/pants"][2] == "Cid" and "hat/half" not in by_name
        if any(recipe["body"] == "male" for recipe in manifest["recipes"].values()):
            assert by_name["body/bodies/male/walk.png"][2] == "Ann, Ben"
            assert by_name["body/bodies/male/shoot.png"][1] == "not named in CREDITS.csv"

    def test_unusable_layers_are_named(self, sorted_by_part, with_definitions, tmp_path):
        (tmp_path / "empty" / "body").mkdir(parents=True)
        with pytest.raises(CaptureError, match="no bodies among its layers"):
            find_styles(tmp_path / "empty")
        with pytest.raises(CaptureError, match="at least 2 of each"):
            prepare_lpc(sorted_by_part, tmp_path / "out", 64, characters=1)
        whole(tmp_path / "cut" / "body" / "male" / "light.png", "body", (1, 2, 3))
        path = tmp_path / "cut" / "body" / "male" / "light.png"
        path.write_bytes(path.read_bytes()[:300])
        with pytest.raises(CaptureError, match="light.png: a broken picture"):
            prepare_lpc(tmp_path / "cut", tmp_path / "out", 64)
        (tmp_path / "odd" / "spritesheets" / "body").mkdir(parents=True)
        (tmp_path / "odd" / "sheet_definitions").mkdir()
        (tmp_path / "odd" / "sheet_definitions" / "body.json").write_text("{")
        with pytest.raises(CaptureError, match="body.json: can't be read"):
            find_styles(tmp_path / "odd")
        assert not (tmp_path / "out").exists()
