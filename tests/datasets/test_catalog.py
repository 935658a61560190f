"""Dataset folders as people have them."""

from __future__ import annotations

import shutil

import pytest

from capture.errors import CaptureError
from datasets.catalog import scan
from datasets.frames import FrameDataset, held_out_pairs, load_pairs
from tests.conftest import draw_figure


def test_mixamo_tree_with_frames_directly_and_in_imgs(mixamo_tree):
    catalog = scan(mixamo_tree)
    assert (len(catalog.characters), catalog.clips, catalog.frames) == (3, 6, 18)
    assert catalog.kind == "mixamo" and catalog.aligned
    assert {clip.folder.name for clip in catalog.characters[0].clips} == {"run", "imgs"}


def fashion_tree(root):
    for video in ("a b", "ü"):
        for frame in range(3):
            draw_figure(root / "train" / video / f"{frame}.jpg", hash(video) % 100, frame)
    return root


def test_fashion_tree_is_told_by_its_name_in_any_case(tmp_path):
    fashion_tree(tmp_path / "My_FASHION_set")
    catalog = scan(tmp_path / "my_fashion_SET")
    assert catalog.kind == "fashion" and not catalog.aligned
    sample = FrameDataset(catalog, 16, 0)[0]
    assert set(sample) == {"identity", "real", "pose"} and sample["pose"].shape == (3, 16, 16)


def test_aligned_samples_carry_the_true_target(mixamo_tree):
    dataset = FrameDataset(scan(mixamo_tree), 32, 1)
    for i in range(20):
        sample = dataset[i]
        assert sample["has_target"] and not sample["target"].equal(sample["pose"])
        # the target is A (colour) in B's pose (shape): same silhouette as the pose image, other colour
        shape = (sample["target"] != 235).any(0)
        assert shape.equal((sample["pose"] != 235).any(0))


def test_target_is_marked_unknown_where_the_identity_lacks_the_clip(mixamo_tree, tmp_path):
    root = tmp_path / "partly"
    shutil.copytree(mixamo_tree, root)
    shutil.rmtree(root / "train" / "character_0" / "jump")
    dataset = FrameDataset(scan(root), 32, 0)
    known = [bool(dataset[i]["has_target"]) for i in range(60)]
    assert any(known) and not all(known)


def test_pairs_come_from_the_file_or_are_drawn(mixamo_tree, tmp_path):
    assert len(held_out_pairs(mixamo_tree, 10)) == 2
    assert load_pairs(held_out_pairs(mixamo_tree, 10), 16)["target"].shape == (2, 3, 16, 16)
    shutil.copytree(mixamo_tree / "test" / "imgs", tmp_path / "test")
    drawn = held_out_pairs(tmp_path, 5)
    assert len(drawn) == 5 and drawn == held_out_pairs(tmp_path, 5)
    assert "target" not in load_pairs(drawn, 16)
    assert held_out_pairs(tmp_path / "nowhere", 5) == []


def make(root, *files):
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    root.mkdir(exist_ok=True)
    return root


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no train/ folder"),
        (["train/.keep"], "empty; expected train/<character>/<clip>"),
        (["train/readme.txt"], "no pictures here, only files such as readme.txt"),
        (["train/anna/1.png"], "pictures such as anna/1.png are not where they are looked for"),
        (["train/anna/run/1.png", "train/anna/jump/1.png"], "only one character with frames (anna)"),
        (["train/anna/run/clip.mp4", "train/b/run/clip.mp4"], "holds videos such as clip.mp4"),
    ],
)
def test_folders_that_cannot_be_trained_on(tmp_path, files, message):
    with pytest.raises(CaptureError) as caught:
        scan(make(tmp_path / "data", *files))
    assert message in str(caught.value)


def test_missing_folder_file_and_damaged_manifest(tmp_path, mixamo_tree):
    with pytest.raises(CaptureError, match="no such dataset folder"):
        scan(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(CaptureError, match="a file; dataset_path names a folder"):
        scan(tmp_path / "file")
    root = tmp_path / "copy"
    shutil.copytree(mixamo_tree, root)
    for text, message in (
        ("{", "not a readable manifest"),
        ("[1]", "not a readable"),
        ('{"version": 99}', "version 99"),
    ):
        (root / "manifest.json").write_text(text)
        with pytest.raises(CaptureError, match=message):
            scan(root)
