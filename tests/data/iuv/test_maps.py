"""IUV maps beside frames: what samples hold of them, whatever the way they are read, numbered as toon does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from capture.data.augment import Augmented, mirrored_map
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.iuv.bones import part_of, renaming_of
from capture.data.iuv.maps import decode_map, map_path
from capture.data.open_data import open_data
from capture.data.sampling import draw
from capture.data.toon.rendering import render
from capture.data.toon.rendering.camera import Shot, View
from capture.data.toon.write import write_toon
from capture.io.iuv import PART, PARTS, SLOT_GRID
from tests.conftest import tiny_config

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
    config = tiny_config("--dataset_path", str(root), "--gen_surfaceLoss_weight", "1", *argv)
    return open_data(config).train


def test_samples_hold_the_maps_of_their_pictures(toon):
    dataset = maps_of(toon)
    batch = dataset.batch(range(8))
    assert set(batch) == {*ROLES, *(f"{role}_uv" for role in ROLES), "has_target"}
    for index in range(8):
        for role, number in draw(dataset.catalog, dataset.seed, index)._asdict().items():
            path = map_path(dataset.catalog, number)
            assert path.parent.name == "uv" and torch.equal(batch[f"{role}_uv"][index], on_disk(path))
            assert torch.equal(batch[role][index], on_disk(path.parent.parent / "imgs" / path.name))
    assert (
        "surfaces known"
        in open_data(tiny_config("--dataset_path", str(toon), "--gen_surfaceLoss_weight", "1")).description
    )


def test_maps_are_there_only_if_they_are_wanted_and_the_manifest_says_so(toon, mixamo_tree):
    assert not [name for name in FrameDataset(scan(toon), 32, 0)[0] if name.endswith("_uv")]
    assert not [name for name in maps_of(mixamo_tree)[0] if name.endswith("_uv")]
    manifest = json.loads((toon / "manifest.json").read_text())
    (toon / "manifest.json").write_text(json.dumps(manifest | {"uv": False}))
    assert not [name for name in maps_of(toon)[0] if name.endswith("_uv")]
    for wrong in ("hips", [1], ["hips"] * 256):
        (toon / "manifest.json").write_text(json.dumps(manifest | {"uv_parts": wrong}))
        with pytest.raises(CaptureError, match=r"manifest\.json: uv_parts are not"):
            scan(toon)


def test_prepared_maps_are_the_same(toon, caplog):
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
    assert again.prepare(progress=False) and "preparing 1 of 12 maps" in caplog.text and "12 frames" not in caplog.text
    assert not again.prepared_maps.array[3].any() and again.prepared_maps.array[2].any()


def test_maps_that_do_not_fit_beside_the_frames_are_read_when_they_are_drawn(toon, caplog):
    caplog.set_level("INFO", "capture")
    size = 12 * 32 * 32 * 3 / 1e9
    dataset = maps_of(toon, "--cache_gb", str(1.5 * size))
    assert not dataset.prepare(progress=False) and dataset.prepared and not dataset.prepared_maps
    assert (
        "12 maps at 32x32 take 0.0 GB, more than what frames leave of cache_gb, 1.8432e-05: each is decoded"
        in caplog.text
    )
    assert torch.equal(dataset.batch([3])["pose_uv"], maps_of(toon).batch([3])["pose_uv"])


def test_frames_without_a_map_have_zeros(toon):
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
def test_a_broken_map_is_named(toon, prepare):
    map_path(scan(toon), 3).write_bytes(b"no picture")
    dataset = maps_of(toon)
    with pytest.raises(CaptureError, match=r"uv/001\.png: not a picture"):
        dataset.prepare(progress=False) if prepare else dataset.batch(range(40))


def test_maps_of_another_size_are_never_mixed(toon, tmp_path):
    path = map_path(scan(toon), 3)
    assert np.array_equal(decode_map(path, 16, ()), np.asarray(Image.open(path))[1::2, 1::2])
    assert np.array_equal(decode_map(path, 64, ()), np.asarray(Image.open(path)).repeat(2, 0).repeat(2, 1))
    wide = np.full((8, 16, 3), 7, np.uint8)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    framed = decode_map(tmp_path / "wide.png", 16, ())
    assert (framed[4:12] == 7).all() and not framed[:4].any() and not framed[12:].any()


def test_bones_are_toons_parts(rigged):
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


MIXAMO = {
    "mixamorig:Hips": "pelvis", "mixamorig:Spine": "belly", "mixamorig:Spine1": "chest", "mixamorig9:Spine2": "chest",
    "mixamorig:Neck": "neck", "mixamorig:Head": "head", "mixamorig:LeftShoulder": "chest", "LeftArm": "l_upper_arm",
    "mixamorig:LeftForeArm": "l_forearm", "mixamorig:LeftHand": "l_hand", "mixamorig:LeftHandThumb2": "l_hand",
    "mixamorig:LeftHandPinky3": "l_hand", "mixamorig:RightHandIndex1": "r_hand", "mixamorig:LeftUpLeg": "l_thigh",
    "mixamorig:LeftLeg": "l_shin", "mixamorig:LeftFoot": "l_foot", "mixamorig:LeftToeBase": "l_foot",
    "mixamorig_RightUpLeg": "r_thigh", "rightleg": "r_shin", "mixamorig:RightFoot": "r_foot", "RightArm": "r_upper_arm",
}  # fmt: skip
QUATERNIUS = {
    "Hips": "pelvis", "Body": "pelvis", "Abdomen": "belly", "Torso": "chest", "Shoulder.L": "chest", "Neck": "neck",
    "Head": "head", "UpperArm.L": "l_upper_arm", "LowerArm.R": "r_forearm", "Fist.R": "r_hand", "lowerlegl": "l_shin",
    "UpperLeg.R": "r_thigh", "Foot.L": "l_foot",
}  # fmt: skip
OTHERS = {"Tail.003": "tail", "Ear.L": "ears", "ears": "ears", "R_Thigh": "r_thigh", "calf_l": "l_shin"}


@pytest.mark.parametrize(("bone", "part"), (MIXAMO | QUATERNIUS | OTHERS).items())
def test_names_of_bones(bone, part):
    assert part_of(bone)[0] == part


@pytest.mark.parametrize("bone", ("Bone", "PoleTarget.L", "Sword", "arm", "LeftEye", ""))
def test_bones_of_no_part(bone):
    assert part_of(bone) is None


def test_bones_of_one_part_have_cells_of_their_own():
    bones = tuple(name for name in MIXAMO if "Hand" not in name or name == "mixamorig:LeftHand") + ("A", "B", "C")
    new = renaming_of(bones)
    points = [
        (new.part[i], new.u[i, u], new.v[i, v]) for i in range(1, len(bones) + 1) for u in (9, 128) for v in (9, 200)
    ]
    assert len(set(points)) == len(points)
    assert new.part[0] == 0 and (new.part[len(bones) + 1 :] == PARTS.index("extra") + 1).all()


def test_a_mirror_turns_left_into_right_and_u_around(toon):
    for number in range(12):
        before = on_disk(map_path(scan(toon), number))
        after = mirrored_map(before)
        was, now = before.flip(-1), after
        for part, u, new_part, new_u in zip(*(x[k].flatten().tolist() for x in (was, now) for k in (0, 1))):
            name = PARTS[part - 1] if part else ""
            side = {"l_": "r_", "r_": "l_"}.get(name[:2])
            assert new_part == (PARTS.index(side + name[2:]) + 1 if side else part)
            if part:
                grid = int(SLOT_GRID[PART[name]])
                cell = min(u * grid // 255, grid - 1)
                assert abs((u / 255 * grid - cell) + (new_u / 255 * grid - cell) - 1) < 0.03 * grid
        assert torch.equal(now[2], was[2])
        assert (mirrored_map(after).int() - before.int()).abs().max() <= 2


def test_a_mirrored_character_is_named_as_one_that_was_drawn_so():
    """Seen from the front, u of a chest goes up to the right and of a thigh down, and left is on the right."""
    drawn = render([Shot(20_022, "idle", 0, 0.3, View(0, 5, 0.1))], 64, outputs=("iuv",))["iuv"][0]
    for uv in (drawn, mirrored_map(drawn)):
        column = torch.arange(64.0).expand(64, 64)
        for name, sign in (("chest", 1), ("l_thigh", -1), ("r_thigh", -1)):
            seen = (uv[0] == PARTS.index(name) + 1) & (uv[1] < 128) & (uv[2] < 128)  # of the first solid
            across = torch.corrcoef(torch.stack((column[seen], uv[1][seen].float())))[0, 1]
            assert seen.sum() > 10 and across * sign > 0.8
        left, right = (column[uv[0] == PARTS.index(f"{side}_thigh") + 1].mean() for side in "lr")
        assert left > right


def test_mirrored_samples_and_mixed_ones(toon, mixamo_tree):
    plain = maps_of(toon).batch(range(16))
    mirrored = Augmented(maps_of(toon), "both", 1).batch(range(16))
    flipped = [not torch.equal(a, b) for a, b in zip(plain["pose_uv"], mirrored["pose_uv"])]
    assert 2 < sum(flipped) < 14
    for row, turned in enumerate(flipped):
        for role in ROLES:
            one = plain[f"{role}_uv"][row]
            assert torch.equal(mirrored[f"{role}_uv"][row], mirrored_map(one) if turned else one)

    config = tiny_config("--dataset_path", f"toon + {toon} + {mixamo_tree}", "--gen_surfaceLoss_weight", "1")
    batch = open_data(config).train.batch(range(6))
    for role in ROLES:
        assert batch[f"{role}_uv"].shape == (6, 3, 32, 32) and batch[f"{role}_uv"].dtype == torch.uint8
        assert [bool(uv.any()) for uv in batch[f"{role}_uv"]] == [True, True, False] * 2


def test_training_is_taught_by_maps_from_a_folder(rigged):
    from capture.training.trainer import new_method

    config = tiny_config(
        *("--dataset_path", str(rigged), "--gen_surfaceLoss_weight", "1", "--gen_targetLoss_weight", "1"),
        *("--attn_rows", "output", "--attn_width", "16", "--dec_config.t", "0.07"),
    )
    torch.manual_seed(0)
    method = new_method(config)
    method.initialise()
    batch = open_data(config).train.batch(range(2))
    batch = {k: v if k.endswith("_uv") or k == "has_target" else v / 127.5 - 1 for k, v in batch.items()}
    loss, parts = method.loss("gen", batch, method.draw_randomness(2, torch.Generator().manual_seed(0)), {})
    loss.backward()
    assert parts["G_surface"].item() > 0 and torch.isfinite(loss)


def test_a_manifest_that_speaks_of_maps_makes_none(toon):
    for folder in toon.glob("train/*/*/uv"):
        shutil.rmtree(folder)
    dataset = maps_of(toon)
    assert not dataset.has_maps and not [name for name in dataset[0] if name.endswith("_uv")]
