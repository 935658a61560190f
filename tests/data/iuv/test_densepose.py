"""Maps converted to atlas coordinates: DensePose by its table, toon and rendered by their squares; prepare.py uv."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.iuv.densepose import convert_densepose, convert_parts, prepare_uv
from capture.data.toon.dataset import ToonStream
from capture.io.images import tensor_to_image
from capture.io.uv_maps import load_uv_map
from capture.methods.coord_inpainting.atlas import to_uv
from tests.helpers.run_program import run_program


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A lookup table of the published shape, and its file."""
    values = np.random.default_rng(0).random((24, 256, 256, 2))
    path = tmp_path_factory.mktemp("table") / "smpltexmap.npy"
    np.save(path, values)
    return values, path


@pytest.fixture
def picture(tmp_path):
    """DensePose's channel order: (V, U, part)."""
    values = np.random.default_rng(1).integers(0, 256, (12, 10, 3), np.uint8)
    values[..., 2] %= 25
    values[0, 0, 2] = 0
    (tmp_path / "iuv").mkdir()
    Image.fromarray(values).save(tmp_path / "iuv" / "a_IUV.png")
    return values


class TestConvertDensepose:
    def test_lookup(self, table, picture):
        out = convert_densepose(picture, table[0])
        inside = picture[..., 2] > 0
        assert np.isnan(out[~inside]).all() and not np.isnan(out[inside]).any()
        row, column = np.argwhere(inside)[0]
        v, u, part = picture[row, column]
        expected = table[0][part - 1, v, u]
        assert out[row, column] == pytest.approx([2 * expected[0] - 1, 1 - 2 * expected[1]])

    def test_an_exact_edge_becomes_nan_in_one_channel(self):
        values = np.full((24, 256, 256, 2), 0.5)
        values[0, 3, 4] = 0.0, 0.25
        out = convert_densepose(np.array([[[3, 4, 1]]], np.uint8), values)
        assert np.isnan(out[0, 0, 0]) and out[0, 0, 1] == 0.5

    def test_part_25_is_background(self, table):
        assert np.isnan(convert_densepose(np.array([[[3, 4, 25]]], np.uint8), table[0])).all()


class TestPrepareUv:
    def test_both_channel_orders_give_the_same(self, table, picture, tmp_path):
        assert prepare_uv(tmp_path / "iuv", tmp_path / "out", table[1]) == 1
        Image.fromarray(np.ascontiguousarray(picture[..., ::-1])).save(tmp_path / "b.png")
        prepare_uv(tmp_path / "b.png", tmp_path / "b.npy", table[1], "detectron2")
        one, other = np.load(tmp_path / "out" / "a.npy"), np.load(tmp_path / "b.npy")
        assert one.dtype == np.float32 and one.shape == (12, 10, 2)
        assert np.array_equal(one, other, equal_nan=True)

    def test_toon_maps_become_the_coordinates_that_the_method_reads(self, tmp_path):
        uv = ToonStream(32, seed=1, uv=True)[0]["identity_uv"]
        (tmp_path / "data" / "uv").mkdir(parents=True)
        (tmp_path / "data" / "manifest.json").write_text(json.dumps({"kind": "toon"}))
        tensor_to_image(uv).save(tmp_path / "data" / "uv" / "a.png")
        prepare_uv(tmp_path / "data" / "uv", tmp_path / "out")
        loaded = load_uv_map(tmp_path / "out" / "a.npy", 32)
        assert torch.allclose(loaded[None], to_uv(uv[None]), atol=1e-6, equal_nan=True)

    def test_rendered_maps_are_renamed_by_their_bones(self, tmp_path):
        values = np.zeros((8, 8, 3), np.uint8)
        values[2:5, 2:5] = 1, 100, 100
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "manifest.json").write_text(json.dumps({"kind": "mixamo", "uv_parts": ["head"]}))
        Image.fromarray(values).save(tmp_path / "data" / "a.png")
        prepare_uv(tmp_path / "data", tmp_path / "out")
        uv = np.load(tmp_path / "out" / "a.npy")
        assert (uv[3, 3] < -0.6).all()  # the head's square is the first of 5 x 5
        assert np.isnan(uv[0, 0]).all()

    def test_parts_outside_are_background(self):
        assert np.isnan(convert_parts(np.array([[[26, 1, 1]]], np.uint8))).all()


class TestRefusals:
    def refused(self, words, *args):
        with pytest.raises(CaptureError) as caught:
            prepare_uv(*args)
        assert "\n" not in str(caught.value)
        for word in words:
            assert word in str(caught.value)

    @pytest.mark.parametrize("mapping", [None, "absent.npy"])
    def test_a_missing_table_says_what_it_is_and_where(self, picture, tmp_path, mapping):
        path = mapping and tmp_path / mapping
        words = ("smpltexmap.npy is the table", "coordinate_based_inpainting")
        self.refused(words, tmp_path / "iuv", tmp_path / "out", path)
        assert not (tmp_path / "out").exists()

    def test_another_array_for_a_table(self, picture, tmp_path):
        np.save(tmp_path / "t.npy", np.zeros((24, 4, 4, 2)))
        self.refused(("shape",), tmp_path / "iuv", tmp_path / "out", tmp_path / "t.npy")

    def test_two_maps_that_would_become_one_file(self, picture, tmp_path):
        folder = tmp_path / "iuv"
        for name in ("hero.png", "hero_IUV.png"):
            Image.fromarray(picture).save(folder / name)
        with pytest.raises(CaptureError, match="would both become .*hero.npy; rename one"):
            prepare_uv(folder, tmp_path / "out", None, "toon")
        assert not (tmp_path / "out").exists()

    def test_channels_in_another_order(self, table, picture, tmp_path):
        self.refused(("--layout densepose",), tmp_path / "iuv", tmp_path / "out", table[1], "detectron2")

    def test_more_bones_than_a_map_can_number(self, picture, tmp_path, bad_input):
        about = {"kind": "mixamo", "uv_parts": [f"bone{i}" for i in range(256)]}
        (tmp_path / "iuv" / "manifest.json").write_text(json.dumps(about))
        line = bad_input("prepare.py", "uv", tmp_path / "iuv", tmp_path / "out")
        assert "manifest.json: uv_parts are not 255 names or fewer" in line and not (tmp_path / "out").exists()

    def test_unknown_layouts_and_empty_folders(self, picture, tmp_path):
        self.refused(("choose from",), tmp_path / "iuv", tmp_path / "out", None, "smplx")
        (tmp_path / "empty").mkdir()
        self.refused(("no .png",), tmp_path / "empty", tmp_path / "out", None, "toon")
        self.refused(("no such",), tmp_path / "absent", tmp_path / "out")
        self.refused(("manifest.json",), tmp_path / "iuv", tmp_path / "out", None, "rendered")


class TestCommands:
    def test_prepare_uv_and_the_releases_script(self, table, picture, tmp_path):
        one = ("uv", tmp_path / "iuv", tmp_path / "one", "--mapping", table[1])
        other = (
            "--iuv_dir",
            tmp_path / "iuv",
            "--out_dir",
            tmp_path / "two",
            "--sample_id",
            "a",
            "--mapping_file",
            table[1],
        )
        assert run_program("prepare.py", *one) == 0
        assert run_program("scripts/convert_uv_render.py", *other) == 0
        assert (tmp_path / "one" / "a.npy").read_bytes() == (tmp_path / "two" / "a.npy").read_bytes()

    def test_a_missing_table_ends_with_status_2(self, picture, tmp_path, capsys):
        assert run_program("prepare.py", "uv", tmp_path / "iuv", tmp_path / "out") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "smpltexmap.npy" in error
