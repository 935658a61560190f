"""Dense maps from files: both forms are read, framed as pictures are, and hostile ones are refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.toon.dataset import ToonStream
from capture.io.images import tensor_to_image
from capture.io.uv_maps import figure_of, is_uv_map, load_uv_map


@pytest.fixture(scope="module")
def drawn():
    """Pictures and IUV maps of two characters, at 48x48."""
    sample = ToonStream(48, seed=2, uv=True)[0]
    return sample


@pytest.fixture
def files(drawn, tmp_path):
    for role in ("identity", "pose"):
        tensor_to_image(drawn[role]).save(tmp_path / f"{role}.png")
        tensor_to_image(drawn[f"{role}_uv"]).save(tmp_path / f"{role}_uv.png")
    return tmp_path


def refused(path, *words, picture=None):
    with pytest.raises(CaptureError) as caught:
        load_uv_map(path, 48, picture)
    message = str(caught.value)
    assert message.count("\n") == 0 and str(path) in message
    for word in words:
        assert word in message, message


class TestLoadUvMap:
    def test_png_is_read_as_it_is_stored(self, files, drawn):
        loaded = load_uv_map(files / "identity_uv.png", 48, files / "identity.png")
        assert loaded.dtype == torch.uint8 and torch.equal(loaded, drawn["identity_uv"])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_npy_of_both_precisions_becomes_float32(self, tmp_path, dtype):
        values = np.full((20, 20, 2), np.nan, dtype)
        values[5:9, 6:8] = 0.25, -0.5
        np.save(tmp_path / "a.npy", values)
        loaded = load_uv_map(tmp_path / "a.npy", 20)
        assert loaded.dtype == torch.float32 and loaded.shape == (2, 20, 20)
        assert loaded[:, 6, 7].tolist() == [0.25, -0.5] and loaded[:, 0, 0].isnan().all()

    def test_padding_is_background_and_values_are_not_mixed(self, tmp_path):
        values = np.zeros((10, 20, 3), np.uint8)
        values[:, :10], values[:, 10:] = (3, 100, 100), (9, 7, 7)
        Image.fromarray(values).save(tmp_path / "wide.png")
        loaded = load_uv_map(tmp_path / "wide.png", 8)
        assert set(map(tuple, loaded.flatten(1).T.tolist())) == {(0, 0, 0), (3, 100, 100), (9, 7, 7)}
        assert not loaded[:, 0].any() and loaded[0, 4, 0] == 3
        np.save(tmp_path / "wide.npy", np.zeros((10, 20, 2), np.float32))
        assert load_uv_map(tmp_path / "wide.npy", 8)[:, 0].isnan().all()

    def test_names_of_maps(self, tmp_path):
        assert is_uv_map(tmp_path / "a.npy") and is_uv_map(tmp_path / "a.PNG")
        assert not is_uv_map(tmp_path / ".a.png") and not is_uv_map(tmp_path / "a.jpg")


class TestHostileMaps:
    def test_wrong_size(self, files, drawn):
        tensor_to_image(drawn["identity_uv"][:, :40]).save(files / "short.png")
        refused(files / "short.png", "48x40", "48x48", picture=files / "identity.png")

    def test_sixteen_bits(self, tmp_path):
        import struct
        import zlib

        rows = b"".join(b"\0" + b"\x01\x00" * 3 * 4 for _ in range(4))

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        (tmp_path / "deep.png").write_bytes(png)
        refused(tmp_path / "deep.png", "16 bits")
        Image.fromarray(np.ones((4, 4), np.uint16)).save(tmp_path / "gray16.png")
        refused(tmp_path / "gray16.png", "16 bits")

    @pytest.mark.parametrize(
        "mode, words", [("P", "has a palette"), ("L", "is grey"), ("RGBA", "has transparency"), ("1", "is grey")]
    )
    def test_other_modes(self, files, mode, words):
        Image.open(files / "identity_uv.png").convert(mode).save(files / "other.png")
        refused(files / "other.png", words)

    def test_parts_out_of_range(self, files, drawn):
        bad = drawn["identity_uv"].clone()
        bad[0, 0, 0] = 200
        tensor_to_image(bad).save(files / "bad.png")
        refused(files / "bad.png", "part number 200", "1 to 25", "prepare.py uv")

    def test_map_of_another_picture(self, files):
        refused(files / "pose_uv.png", "not the map of", "identity.png", picture=files / "identity.png")

    def test_nothing_but_background(self, tmp_path):
        Image.new("RGB", (8, 8)).save(tmp_path / "empty.png")
        refused(tmp_path / "empty.png", "background")
        np.save(tmp_path / "empty.npy", np.full((8, 8, 2), np.nan))
        refused(tmp_path / "empty.npy", "background")

    @pytest.mark.parametrize(
        "values, words",
        [
            (np.full((8, 8, 2), np.inf), "inf"),
            (np.full((8, 8, 2), 1.5), "[-1, 1]"),
            (np.zeros((8, 8, 3)), "shape"),
            (np.zeros((8, 8)), "shape"),
            (np.zeros((0, 8, 2)), "shape"),
            (np.zeros((8, 8, 2), np.uint8), "uint8"),
            (np.zeros((8, 8, 2), np.complex64), "complex64"),
        ],
    )
    def test_other_arrays(self, tmp_path, values, words):
        np.save(tmp_path / "a.npy", values)
        refused(tmp_path / "a.npy", words)

    def test_pickled_objects_are_not_loaded(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
        refused(tmp_path / "a.npy", "not a whole NumPy file")

    @pytest.mark.parametrize(
        "content", [b"", b"\x93NUMPY\x01\x00", b"nothing of the kind", b"\x93NUMPY\x01\x00\x10\x00{'descr': 1"]
    )
    def test_damaged_arrays(self, tmp_path, content):
        (tmp_path / "a.npy").write_bytes(content)
        refused(tmp_path / "a.npy")

    def test_an_array_cut_short(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((64, 64, 2)))
        whole = (tmp_path / "a.npy").read_bytes()
        (tmp_path / "a.npy").write_bytes(whole[:1000])
        refused(tmp_path / "a.npy")

    def test_missing_and_other_files(self, tmp_path):
        refused(tmp_path / "none.npy", "no such map")
        refused(tmp_path / "none.png", "no such map")
        refused(tmp_path / "a.jpg", ".npy")

    def test_lossy_data_under_the_name_of_a_png(self, files):
        Image.open(files / "identity_uv.png").save(files / "lossy.jpg")
        (files / "lossy.jpg").rename(files / "lossy.png")
        refused(files / "lossy.png", "not a PNG", "JPEG")


class TestFigureOf:
    def test_a_plain_background_shows_the_figure(self, drawn):
        figure = figure_of(tensor_to_image(drawn["identity"]))
        part = drawn["identity_uv"][0].numpy() > 0
        assert figure[part].mean() > 0.9

    def test_a_busy_background_shows_none(self):
        noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
        assert figure_of(Image.fromarray(noise)) is None
