"""Pictures that occur twice: copies across the split are found, held-out characters in a training pose are not."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from capture.data.check.check import examine
from capture.data.check.near import candidates, same_picture, signature
from capture.data.lpc.sheets import BACKGROUND, cells
from tests.conftest import draw_figure


@pytest.fixture
def tree(mixamo_tree, tmp_path) -> Path:
    return Path(shutil.copytree(mixamo_tree, tmp_path / "data"))


def found(root: Path) -> dict[str, list[tuple[str, str]]]:
    return {f.code: [tuple(item) for item in f.items] for f in examine(root, 1, progress=False).findings.all}


def jpeg(picture: Image.Image, quality: int = 75) -> Image.Image:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


class TestFindCopies:
    def test_training_frame_in_the_test_set(self, tree):
        frame = tree / "train/character_1/jump/imgs/002.png"
        shutil.copy(frame, tree / "test/imgs/odd.png")
        Image.open(frame).save(tree / "test/imgs/other.bmp")  # other bytes, the same pixels
        Image.open(frame).save(tree / "test/imgs/near.jpg", quality=80)
        original = "as train/character_1/jump/imgs/002.png"
        assert found(tree) == {
            "copy-across-split": [("test/imgs/odd.png", original), ("test/imgs/other.bmp", original)],
            "near-copy-across-split": [("test/imgs/near.jpg", original)],
        }

    def test_few_look_alikes_in_one_pose_are_notes(self, tree):
        for frame in range(12):
            draw_figure(tree / f"test/imgs/character_9__run__{frame:03d}.png", 30, frame)
        shutil.copy(tree / "train/character_0/run/001.png", tree / "test/imgs/character_9__run__001.png")
        here = ("test/imgs/character_9__run__001.png", "as train/character_0/run/001.png")
        assert found(tree) == {"look-alike": [here]}
        (tree / "manifest.json").unlink()  # not aligned: the pose is no excuse
        assert found(tree) == {"copy-across-split": [here]}

    def test_renamed_training_character_is_a_copy(self, tree):
        for frame in range(3):
            shutil.copy(
                tree / f"train/character_0/run/{frame:03d}.png", tree / f"test/imgs/stranger__run__{frame:03d}.png"
            )
        assert len(found(tree)["copy-across-split"]) == 3

    def test_copied_characters_and_clips(self, tree):
        shutil.copytree(tree / "train/character_0", tree / "train/character_0 (copy)")
        assert found(tree) == {
            "copied-character": [
                ("train/character_0", "6 of 6 frames as train/character_0 (copy)"),
                ("train/character_0 (copy)", "6 of 6 frames as train/character_0"),
            ]
        }
        shutil.rmtree(tree / "train/character_0 (copy)")
        shutil.copytree(tree / "train/character_0/run", tree / "train/character_0/stroll")
        assert found(tree) == {"copied-clip": [("train/character_0/stroll", "as run")]}

    def test_held_poses_are_notes(self, tree):
        shutil.copy(tree / "train/character_0/run/002.png", tree / "train/character_0/run/003.png")
        for frame in range(4, 20):
            draw_figure(tree / f"train/character_2/run/{frame:03d}.png", 2, frame)
            draw_figure(tree / f"train/character_1/run/{frame:03d}.png", 1, frame)
        shutil.copy(tree / "train/character_1/run/010.png", tree / "train/character_2/run/010.png")
        notes = found(tree)
        assert notes.pop("repeated-frame")[0] == ("train/character_0/run/003.png", "")
        assert notes == {"shared-frame": [(f"train/character_{c}/run/010.png", "") for c in (1, 2)]}


@pytest.fixture
def drawn(shared) -> tuple[list[Image.Image], list[Image.Image]]:
    """Every cell of 20 training and 6 held-out characters, drawn by artists."""

    def pictures(folder: Path, count: int) -> list[Image.Image]:
        flat = []
        for sheet in sorted(folder.glob("*.png"))[:count]:
            for cell in cells(sheet).values():
                ground = Image.new("RGBA", cell.size, (*BACKGROUND, 255))
                flat.append(Image.alpha_composite(ground, cell).convert("RGB"))
        return flat

    return pictures(shared / "data/lpc/train", 20), pictures(shared / "data/lpc/test", 6)


def signatures(pictures: list[Image.Image]) -> np.ndarray:
    return np.stack([signature(picture) for picture in pictures])


def small(picture: Image.Image) -> Image.Image:
    """The same figure, a third as large against the picture."""
    ground = Image.new("RGB", (192, 192), BACKGROUND)
    ground.paste(picture, (64, 64))
    return ground


CHANGES = {
    "JPEG 90": lambda p: jpeg(p, 90),
    "JPEG 75": jpeg,
    "enlarged": lambda p: p.resize((2 * p.width, 2 * p.height), Image.Resampling.BICUBIC),
    "smaller": lambda p: p.resize((p.width * 4 // 5, p.height * 4 // 5), Image.Resampling.LANCZOS),
    "blurred": lambda p: p.filter(ImageFilter.GaussianBlur(1)),
}


class TestNearCopies:
    def test_candidates_in_blocks_are_the_nearest(self, monkeypatch):
        monkeypatch.setattr("capture.data.check.near.TEST_BLOCK", 7)
        monkeypatch.setattr("capture.data.check.near.TRAIN_BLOCK", 11)
        rng = np.random.default_rng(0)
        train = rng.integers(0, 256, (100, 192)).astype(np.uint8)
        test = rng.integers(0, 256, (30, 192)).astype(np.uint8)
        test[3] = np.clip(train[57] + rng.integers(-9, 10, 192), 0, 255)
        test[29] = train[99]
        expected = np.full(30, -1)
        expected[[3, 29]] = 57, 99
        assert candidates(test, train).tolist() == expected.tolist()

    def test_plain_pictures_match_nothing(self):
        plain = Image.new("RGB", (64, 64), (200, 200, 200))
        faint = plain.copy()
        faint.paste((215, 200, 200), (0, 0, 20, 20))
        assert not same_picture(faint, plain) and not same_picture(plain, faint)

    def test_long_thin_pictures_do_not_fill_the_memory(self):
        assert signature(Image.new("RGB", (200_000, 1))).shape == (192,)

    @pytest.mark.parametrize("frame", [lambda p: p, small], ids=["large", "small"])
    def test_real_characters(self, drawn, frame):
        train, test = ([frame(picture) for picture in pictures[::2]] for pictures in drawn)
        known = signatures(train)

        def twin(pictures: list[Image.Image]) -> list[bool]:
            return [
                k >= 0 and same_picture(p, train[k]) for p, k in zip(pictures, candidates(signatures(pictures), known))
            ]

        assert not any(twin(test))  # held-out characters in the very poses of the others
        for name, change in CHANGES.items():
            assert np.mean(twin([change(picture) for picture in train[::31]])) >= 0.85, name
