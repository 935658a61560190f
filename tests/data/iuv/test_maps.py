"""IUV maps beside frames: samples hold them, in one vocabulary, whichever way they are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.iuv.maps import decode_map, map_path
from capture.data.open_data import open_data
from capture.data.sampling import draw
from capture.data.toon.write import write_toon
from capture.io.iuv import PARTS
from tests.conftest import tiny_config
from tests.helpers.hostile_maps import WRONG, write_wrong_map

KEYS = {"identity_uv", "target_uv"}
ROLES = ("identity", "real", "pose", "target")
BONES = ("abdomen", "footl", "head", "hips", "leftarm", "poletargetl", "rightarm", "rightshoulder", "torso")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("maps") / "toon"
    write_toon(folder, 3, 2, 2, 32, 5, uv=True, workers=1, test_characters=2, test_clips=1, progress=False)
    return folder


@pytest.fixture
def toon(written, tmp_path) -> Path:
    return shutil.copytree(written, tmp_path / "toon", ignore=shutil.ignore_patterns(".capture"))


@pytest.fixture
def rigged(toon) -> Path:
    """The same pictures with maps as of rigged characters: part i is BONES[i - 1]."""
    rng = np.random.default_rng(0)
    for path in toon.glob("train/*/*/uv/*.png"):
        uv = rng.integers(0, 256, (32, 32, 3), np.uint8)
        uv[..., 0] %= len(BONES) + 1
        Image.fromarray(uv).save(path)
    manifest = json.loads((toon / "manifest.json").read_text()) | {"kind": "mixamo", "uv_parts": list(BONES)}
    (toon / "manifest.json").write_text(json.dumps(manifest))
    return toon


def on_disk(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1)


def maps_of(root: Path, *argv: str):
    return open_data(tiny_config("--dataset_path", str(root), *argv), KEYS).train


class TestPreparedMaps:
    def test_prepared_maps_equal_decoded_maps(self, toon, caplog):
        caplog.set_level("INFO", "capture")
        plain, dataset = maps_of(toon).batch(range(12)), maps_of(toon)
        assert dataset.prepare(progress=False)
        folder = toon / ".capture" / "maps_32"
        assert (
            dataset.prepared_maps.path == folder / "frames.bin"
            and f"preparing 12 of 12 maps at 32x32, once: 0.00 GB in {folder}" in caplog.text
        )
        batch = dataset.batch(range(12))
        assert batch.keys() == plain.keys() and all(torch.equal(batch[name], plain[name]) for name in plain)
        assert batch["pose_uv"].is_contiguous(memory_format=torch.channels_last)

        caplog.clear()
        assert maps_of(toon).prepare(progress=False) and not caplog.text
        map_path(dataset.catalog, 3).unlink()
        again = maps_of(toon)
        assert (
            again.prepare(progress=False) and "preparing 1 of 12 maps" in caplog.text and "12 frames" not in caplog.text
        )
        assert not again.prepared_maps.array[3].any() and again.prepared_maps.array[2].any()

    def test_maps_that_do_not_fit_are_decoded_on_demand(self, toon, caplog):
        caplog.set_level("INFO", "capture")
        size = 12 * 32 * 32 * 3 / 1e9
        dataset = maps_of(toon, "--cache_gb", str(1.5 * size))
        assert not dataset.prepare(progress=False) and dataset.prepared and not dataset.prepared_maps
        assert (
            "12 maps at 32x32 take 0.0 GB, more than what the frames have left of cache_gb, 1.8432e-05: each is decoded"
            in caplog.text
        )
        assert torch.equal(dataset.batch([3])["pose_uv"], maps_of(toon).batch([3])["pose_uv"])


class TestDecodeMap:
    def test_resizing_never_interpolates(self, toon, tmp_path):
        path = map_path(scan(toon), 3)
        assert np.array_equal(decode_map(path, 16, ()), np.asarray(Image.open(path))[1::2, 1::2])
        assert np.array_equal(decode_map(path, 64, ()), np.asarray(Image.open(path)).repeat(2, 0).repeat(2, 1))
        wide = np.full((8, 16, 3), 7, np.uint8)
        Image.fromarray(wide).save(tmp_path / "wide.png")
        framed = decode_map(tmp_path / "wide.png", 16, ())
        assert (framed[4:12] == 7).all() and not framed[:4].any() and not framed[12:].any()

    def test_bones_are_renumbered_to_the_parts_of_iuv(self, rigged):
        catalog = scan(rigged)
        assert catalog.uv_parts == BONES
        old = np.asarray(Image.open(map_path(catalog, 3))).astype(int)
        new = decode_map(map_path(catalog, 3), 32, BONES)
        wanted = ("belly", "l_foot", "head", "pelvis", "l_upper_arm", "extra", "r_upper_arm", "chest", "chest")
        numbers = np.array([0, *(PARTS.index(part) + 1 for part in wanted)])
        assert np.array_equal(new[..., 0], numbers[old[..., 0]])
        # the head has its part's whole square, and u that goes around the other way
        head = old[..., 0] == 3
        assert np.array_equal(
            new[head][:, 1:], np.rint(np.minimum(np.stack((255 - old[head][:, 1], old[head][:, 2]), 1), 254.97))
        )
        # torso and shoulder, both of the chest, never share a point
        points = (new[old[..., 0] == bone][:, 1:].astype(int) for bone in (8, 9))
        cells = [{tuple(cell) for cell in np.minimum(point * 2 // 255, 1).tolist()} for point in points]
        assert cells == [{(1, 1)}, {(0, 0)}]
        sample = maps_of(rigged).batch(range(4))
        assert sample["pose_uv"][:, 0].max() <= len(PARTS) and sample["pose_uv"].any()


class TestSampleMaps:
    def test_samples_hold_the_maps_of_their_pictures(self, toon):
        dataset = maps_of(toon)
        batch = dataset.batch(range(8))
        assert set(batch) == {*ROLES, *(f"{role}_uv" for role in ROLES), "has_target"}
        for index in range(8):
            for role, number in draw(dataset.catalog, dataset.seed, index)._asdict().items():
                path = map_path(dataset.catalog, number)
                assert path.parent.name == "uv" and torch.equal(batch[f"{role}_uv"][index], on_disk(path))
                assert torch.equal(batch[role][index], on_disk(path.parent.parent / "imgs" / path.name))
        assert "IUV maps known" in open_data(tiny_config("--dataset_path", str(toon)), KEYS).description

    def test_no_maps_unless_requested_and_declared_by_the_manifest(self, toon, mixamo_tree):
        assert not [name for name in FrameDataset(scan(toon), 32, 0)[0] if name.endswith("_uv")]
        assert not [name for name in maps_of(mixamo_tree)[0] if name.endswith("_uv")]
        manifest = json.loads((toon / "manifest.json").read_text())
        (toon / "manifest.json").write_text(json.dumps(manifest | {"uv": False}))
        assert not [name for name in maps_of(toon)[0] if name.endswith("_uv")]
        for wrong in ("hips", [1], ["hips"] * 256):
            (toon / "manifest.json").write_text(json.dumps(manifest | {"uv_parts": wrong}))
            with pytest.raises(CaptureError, match=r"manifest\.json: uv_parts are not"):
                scan(toon)

    def test_frames_without_a_map_have_zeros(self, toon):
        catalog = scan(toon)
        gone = [map_path(catalog, number) for number in range(0, 12, 2)]
        for path in gone:
            path.unlink()
        for prepare in (False, True):
            dataset = maps_of(toon)
            assert not prepare or dataset.prepare(progress=False)
            batch = dataset.batch(range(20))
            for index in range(20):
                for role, number in draw(catalog, dataset.seed, index)._asdict().items():
                    assert bool(batch[f"{role}_uv"][index].any()) == bool(number % 2)

    @pytest.mark.parametrize("prepare", (False, True))
    def test_broken_map_is_named(self, toon, prepare):
        map_path(scan(toon), 3).write_bytes(b"no picture")
        dataset = maps_of(toon)
        with pytest.raises(CaptureError, match=r"uv/001\.png: not a PNG"):
            dataset.prepare(progress=False) if prepare else dataset.batch(range(40))

    @pytest.mark.parametrize("wrong", ("16 bit", "palette", "parts", "size"))
    @pytest.mark.parametrize("prepare", (False, True))
    def test_a_wrong_map_is_named(self, toon, prepare, wrong):
        path = map_path(scan(toon), 3)
        write_wrong_map(path, wrong, path)
        dataset = maps_of(toon)
        with pytest.raises(CaptureError, match=rf"uv/001\.png: .*{WRONG[wrong]}"):
            dataset.prepare(progress=False) if prepare else dataset.batch(range(40))

    @pytest.mark.parametrize("prepare", (False, True))
    def test_maps_beside_pictures_and_as_arrays_are_found(self, toon, prepare):
        """As docs/DATASETS.md says: uv/ lies beside a picture that is in no folder imgs/, and maps may be .npy."""
        before = maps_of(toon).batch(range(8))
        for folder in toon.glob("train/*/*/imgs"):
            for picture in folder.iterdir():
                picture.rename(folder.parent / picture.name)
            folder.rmdir()
        for path in list(toon.glob("train/*/*/uv/001.png")):
            np.save(path.with_suffix(".npy"), np.asarray(Image.open(path)))
            path.unlink()
        dataset = maps_of(toon)
        assert dataset.has_maps and (not prepare or dataset.prepare(progress=False))
        after = dataset.batch(range(8))
        assert after.keys() == before.keys() and all(torch.equal(after[name], before[name]) for name in before)

    def test_an_array_of_another_size_than_its_picture_is_named(self, toon):
        path = map_path(scan(toon), 3)
        np.save(path.with_suffix(".npy"), np.asarray(Image.open(path))[:16])
        path.unlink()
        with pytest.raises(CaptureError, match=r"uv/001\.npy: .*32x16.* picture of 32x32"):
            maps_of(toon).batch(range(40))

    def test_manifest_without_any_map_file_gives_no_maps(self, toon):
        for folder in toon.glob("train/*/*/uv"):
            shutil.rmtree(folder)
        dataset = maps_of(toon)
        assert not dataset.has_maps and not [name for name in dataset[0] if name.endswith("_uv")]

    def test_maps_of_mixed_sources(self, toon, mixamo_tree):
        config = tiny_config("--dataset_path", f"toon + {toon} + {mixamo_tree}")
        batch = open_data(config, KEYS).train.batch(range(6))
        for role in ROLES:
            assert batch[f"{role}_uv"].shape == (6, 3, 32, 32) and batch[f"{role}_uv"].dtype == torch.uint8
            assert [bool(uv.any()) for uv in batch[f"{role}_uv"]] == [True, True, False] * 2
