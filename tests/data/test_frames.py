"""Samples and test pairs, from pictures and from videos."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from capture.common.errors import CaptureError
from capture.data.decoding import OPEN_VIDEOS, FrameReader, Recent, decode_path, video_frame
from capture.data.frames import FrameDataset, held_out_pairs, load_pairs
from capture.data.index.catalog import scan
from capture.data.sampling import draw
from capture.io.images import load_image
from tests.conftest import draw_figure
from tests.helpers.make_videos import make_video, number


@pytest.fixture(scope="session")
def fashion_videos(tmp_path_factory):
    """A Fashion tree of videos as they are downloaded: three to train on, of 12 frames, and two to test."""
    root = tmp_path_factory.mktemp("videos") / "fashion"
    for split, names in (("train", "abc"), ("test", "de")):
        for name in names:
            make_video(root / split / f"{name}.mp4", 12)
    return root


def _cropped(frame: torch.Tensor) -> Image.Image:
    """A frame of 64x48 at 32x32, without its white padding."""
    assert (frame[:, :3] == 255).all() and (frame[:, -3:] == 255).all()
    return Image.fromarray(frame[:, 4:-4].permute(1, 2, 0).numpy())


class TestFrameReader:
    def test_recent_frames_are_kept_within_the_budget(self, fashion_videos):
        catalog = scan(fashion_videos)
        reader = FrameReader(catalog, 16, keep=5 * 16 * 16 * 3)
        first = reader.read(0)
        assert reader.read(0) is first
        for i in range(catalog.frames):
            reader.read(i)
        assert len(reader._frames) == 5 and reader._frames.used == 5 * 16 * 16 * 3
        assert reader.read(0) is not first and np.array_equal(reader.read(0), first)

        closed = []
        pool = Recent(OPEN_VIDEOS, lambda value: 1, closed.append)
        for i in range(OPEN_VIDEOS + 2):
            pool.get(i, lambda i=i: i)
            pool.get(0, lambda: 0)
        assert closed == [1, 2] and len(pool) == OPEN_VIDEOS


class TestFrameDataset:
    def test_samples_equal_load_image(self, mixamo_tree):
        catalog = scan(mixamo_tree)
        dataset = FrameDataset(catalog, 20, 5)
        for i in (0, 1, 10**12):
            drawn, sample = draw(catalog, 5, i), dataset[i]
            assert set(sample) == {"identity", "real", "pose", "target", "has_target"} and sample["has_target"]
            for name in ("identity", "real", "pose", "target"):
                assert sample[name].equal(load_image(catalog.frame(getattr(drawn, name))[0], 20))
        batch = dataset.batch([0, 1, 10**12])
        assert all(batch[name][2].equal(sample[name]) for name in sample)
        assert batch["pose"].shape == (3, 3, 20, 20) and batch["has_target"].shape == (3,)
        assert batch["pose"].is_contiguous(memory_format=torch.channels_last)

    def test_aligned_samples_have_the_true_target(self, mixamo_tree):
        dataset = FrameDataset(scan(mixamo_tree), 32, 1)
        for i in range(20):
            sample = dataset[i]
            assert sample["has_target"] and not sample["target"].equal(sample["pose"])
            # the target is A (colour) in B's pose (shape): same silhouette as the pose image, other colour
            shape = (sample["target"] != 235).any(0)
            assert shape.equal((sample["pose"] != 235).any(0))

    def test_target_is_unknown_if_the_identity_lacks_the_clip(self, mixamo_tree, tmp_path):
        root = tmp_path / "partly"
        shutil.copytree(mixamo_tree, root)
        shutil.rmtree(root / "train" / "character_0" / "jump")
        batch = FrameDataset(scan(root), 32, 0).batch(range(60))
        known = batch["has_target"]
        assert known.any() and not known.all()
        assert not batch["target"][~known].any() and batch["target"][known].flatten(1).any(1).all()

    def test_samples_from_videos(self, fashion_videos):
        catalog = scan(fashion_videos)
        dataset = pickle.loads(pickle.dumps(FrameDataset(catalog, 32, 0)))
        for i in range(20):
            drawn, sample = draw(catalog, 0, i), dataset[i]
            for name in ("identity", "real", "pose"):
                video, position = catalog.frame(getattr(drawn, name))
                assert number(_cropped(sample[name])) == position and video.parent == fashion_videos / "train"

    @pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"GIF89a")])
    def test_missing_or_broken_frame_is_named(self, mixamo_tree, tmp_path, damage):
        root = tmp_path / "data"
        shutil.copytree(mixamo_tree, root)
        dataset = FrameDataset(scan(root), 16, 0)
        for path in (root / "train" / "character_1").rglob("*.png"):
            damage(path)
        with pytest.raises(CaptureError, match=r"character_1/(run|jump/imgs)/00\d\.png: (no such file|.*picture)"):
            for i in range(100):
                dataset[i]


class TestHeldOutPairs:
    def test_pairs_from_the_file_or_drawn(self, mixamo_tree, tmp_path):
        assert len(held_out_pairs(mixamo_tree, 10)) == 2
        assert load_pairs(held_out_pairs(mixamo_tree, 10), 16)["target"].shape == (2, 3, 16, 16)
        shutil.copytree(mixamo_tree / "test" / "imgs", tmp_path / "test")
        drawn = held_out_pairs(tmp_path, 5)
        assert len(drawn) == 5 and drawn == held_out_pairs(tmp_path, 5)
        assert "target" not in load_pairs(drawn, 16)
        assert held_out_pairs(tmp_path / "nowhere", 5) == []

    def test_pairs_of_frames_of_videos(self, fashion_videos, tmp_path):
        pairs = held_out_pairs(fashion_videos, 30)
        seen = Counter(path.parent.name for pair in pairs for path in (pair.identity, pair.pose))
        assert set(seen) == {"d.mp4", "e.mp4"} and min(seen.values()) > 15
        batch = load_pairs(pairs[:3], 32)
        assert batch["pose"].shape == (3, 3, 32, 32) and batch["pose"].is_contiguous()
        assert [number(_cropped(frame)) for frame in batch["pose"]] == [int(pair.pose.name) for pair in pairs[:3]]

    def test_folder_with_the_name_of_a_video(self, tmp_path):
        path = video_frame(tmp_path / "a.mp4", 3)
        draw_figure(path.with_suffix(".png"), 1, 1)
        path.with_suffix(".png").rename(path)
        assert np.array_equal(decode_path(path, 8), load_image(path, 8).permute(1, 2, 0))
