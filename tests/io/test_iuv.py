"""Maps of surface coordinates in files: what is read, and what is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from capture.common.errors import CaptureError
from capture.io.images import image_to_tensor, to_square
from capture.io.iuv import ATLAS_GRID, PART, PARTS, SLOT_GRID, find_map, map_to_square, read_map

RNG = np.random.default_rng(0)
IUV = np.stack((RNG.integers(0, 26, (6, 9)), *RNG.integers(0, 256, (2, 6, 9))), -1).astype(np.uint8)


class TestVocabulary:
    def test_parts_fill_the_atlas(self):
        assert len(PARTS) == len(set(PARTS)) == len(SLOT_GRID) == ATLAS_GRID**2
        assert all(PARTS[number] == name for name, number in PART.items())

    def test_part_numbers_never_change(self):
        """Files on people's disks hold these numbers."""
        assert (PARTS[0], PARTS[6], PARTS[12], PARTS[13], PARTS[24]) == (
            *("head", "chest", "extra", "l_upper_arm"),
            "r_foot",
        )
        assert SLOT_GRID[PART["head"]] == 1 and SLOT_GRID[PART["hair"]] == 5 and SLOT_GRID[PART["chest"]] == 2


class TestReadMap:
    def test_png(self, tmp_path):
        Image.fromarray(IUV).save(tmp_path / "a.png")
        assert np.array_equal(read_map(tmp_path / "a.png", (9, 6)), IUV)
        assert read_map(tmp_path / "a.png").dtype == np.uint8

    @pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16])
    def test_npy_of_integers(self, tmp_path, dtype):
        np.save(tmp_path / "a.npy", IUV.astype(dtype))
        found = read_map(tmp_path / "a.npy", (9, 6))
        assert np.array_equal(found, IUV) and found.dtype == np.uint8

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
    def test_npy_of_floats_has_coordinates_in_0_to_1(self, tmp_path, dtype):
        np.save(tmp_path / "a.npy", np.concatenate((IUV[..., :1], IUV[..., 1:] / 255), 2).astype(dtype))
        assert np.abs(read_map(tmp_path / "a.npy").astype(int) - IUV).max() <= (dtype == np.float16)

    def test_more_parts_where_a_dataset_numbers_its_bones(self, tmp_path):
        Image.fromarray(np.full((2, 2, 3), 200, np.uint8)).save(tmp_path / "a.png")
        assert read_map(tmp_path / "a.png", parts=255)[0, 0, 0] == 200

    @pytest.mark.parametrize(
        ("image", "fault"),
        [
            (Image.fromarray(IUV).convert("P"), "has a palette"),
            (Image.fromarray(IUV).convert("L"), "is grey"),
            (Image.fromarray(IUV).convert("RGBA"), "has transparency"),
            (Image.fromarray(IUV[..., 0].astype(np.uint16)), "16 bits a channel"),
            (Image.fromarray(np.full((6, 9, 3), 26, np.uint8)), "part number 26; parts are 1 to 25"),
        ],
        ids=["palette", "grey", "alpha", "16 bit", "part"],
    )
    def test_refused_png(self, tmp_path, image, fault):
        image.save(tmp_path / "a.png")
        self.refused(tmp_path / "a.png", fault)

    def test_refused_16_bit_rgb_png(self, tmp_path):
        import struct
        import zlib

        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        pixels = zlib.compress((b"\0" + bytes(2 * 3 * 4)) * 4)
        data = (
            chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
        )
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
        self.refused(tmp_path / "a.png", "16 bits a channel")

    def test_refused_size(self, tmp_path):
        Image.fromarray(IUV).save(tmp_path / "a.png")
        with pytest.raises(CaptureError, match="a map of 9x6 pixels for a picture of 6x9"):
            read_map(tmp_path / "a.png", (6, 9))

    @pytest.mark.parametrize(
        ("values", "fault"),
        [
            (np.full((6, 9, 3), np.nan), "NaN or infinity"),
            (np.full((6, 9, 3), 0.5), "part numbers that aren't whole"),
            (np.full((6, 9, 3), 2.0), "u or v outside 0..1"),
            (np.full((6, 9, 3), -1), "values from -1 to -1"),
            (np.full((6, 9, 3), 300), "values from 300 to 300"),
            (np.full((6, 9, 3), 26), "part number 26"),
            (np.zeros((6, 9)), r"shape \(6, 9\)"),
            (np.zeros((0, 9, 3)), r"shape \(0, 9, 3\)"),
            (np.zeros((6, 9, 3), np.complex64), "type complex64"),
            (np.full((6, 9, 3), None), "not a whole NumPy file"),
        ],
        ids=["nan", "half part", "u", "negative", "large", "part", "2d", "empty", "complex", "object"],
    )
    def test_refused_npy(self, tmp_path, values, fault):
        np.save(tmp_path / "a.npy", values)
        self.refused(tmp_path / "a.npy", fault)

    @pytest.mark.parametrize("name", ["a.png", "a.npy"])
    def test_refused_files(self, tmp_path, name):
        path = tmp_path / name
        self.refused(path, "no such map")
        path.write_bytes(b"no picture")
        self.refused(path, "not a")
        path.write_bytes(b"")
        self.refused(path, "empty file|not a whole")

    def test_refused_npy_that_claims_to_be_enormous(self, tmp_path):
        np.save(tmp_path / "a.npy", IUV)
        data = (tmp_path / "a.npy").read_bytes()
        (tmp_path / "a.npy").write_bytes(data.replace(b"(6, 9, 3), }", b"(600000, 900000, 3), }")[: len(data)])
        self.refused(tmp_path / "a.npy", "not a whole NumPy file")

    def refused(self, path, fault):
        with pytest.raises(CaptureError, match=fault) as caught:
            read_map(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


class TestFindMap:
    def test_beside_the_folder_of_pictures_or_beside_the_picture(self, tmp_path):
        for path in ("clip/uv/1.png", "clip/imgs/1.jpg", "mine/uv/a.npy", "mine/a.png", "mine/b.png"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
        assert find_map(tmp_path / "clip/imgs/1.jpg") == tmp_path / "clip/uv/1.png"
        assert find_map(tmp_path / "mine/a.png") == tmp_path / "mine/uv/a.npy"
        assert find_map(tmp_path / "mine/b.png") is None and find_map(tmp_path / "gone/imgs/c.png") is None


class TestMapToSquare:
    def test_takes_values_at_the_middle_of_pixels(self):
        square = IUV[:, :6]
        assert np.array_equal(map_to_square(square, 12), square.repeat(2, 0).repeat(2, 1))
        assert np.array_equal(map_to_square(square, 2), square[1::3, 1::3])

    @pytest.mark.parametrize("shape", [(6, 9), (9, 6), (7, 7), (1, 5)])
    def test_pads_as_pictures_are_padded(self, shape):
        size = max(shape)
        picture = image_to_tensor(to_square(Image.fromarray(np.zeros((*shape, 3), np.uint8)), size))
        framed = map_to_square(np.ones((*shape, 3), np.uint8), size)
        assert np.array_equal(framed[..., 0] == 0, picture[0].numpy() == 255)
