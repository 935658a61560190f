"""Several datasets in turn, and changes that the pictures of a sample share."""

from __future__ import annotations

import shutil

import pytest
import torch
from capture.data.augment import Augmented, power_tables, repaint

from capture.data.frames import FrameDataset
from capture.data.loading import make_loader
from capture.data.mixed import Mixed, batch_of
from capture.data.open_data import open_data
from capture.data.sampling import EndlessBatches
from capture.data.toon.dataset import ToonStream
from tests.conftest import draw_figure, tiny_config


@pytest.fixture
def tree(mixamo_tree, tmp_path):
    return shutil.copytree(mixamo_tree, tmp_path / "tree", ignore=shutil.ignore_patterns(".capture"))


def equal(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_samples_come_in_turn_and_never_twice(tree):
    data = open_data(tiny_config("--dataset_path", f"toon + toon + {tree}"))
    assert isinstance(data.train, Mixed) and "in turn: toon" in data.description
    batch = data.train.batch([0, 1, 2, 3])
    assert {name: tuple(value.shape) for name, value in batch.items()} == {
        **{name: (4, 3, 32, 32) for name in ("identity", "real", "pose", "target")}, "has_target": (4,),
    }  # fmt: skip
    toon, frames = ToonStream(32, 2**62, seed=777), data.train.parts[2]
    for row, part in ((0, toon), (1, toon), (2, frames), (3, toon)):
        assert equal({n: v[row] for n, v in batch.items()}, {n: v[0] for n, v in batch_of(part, [row]).items()})
    assert not torch.equal(batch["identity"][0], batch["identity"][1])
    assert data.train.describe(2)["identity"].startswith(str(tree))
    assert data.train.describe(1)["identity"].startswith("Shot(character_seed=")


def test_held_out_pairs_come_in_turn_once_for_each_dataset(tree):
    data = open_data(tiny_config("--dataset_path", f"toon + toon + {tree}"))
    alone = [open_data(tiny_config("--dataset_path", path)).test_batch(2) for path in ("toon", str(tree))]
    pairs = data.test_batch(3)
    for row, (source, index) in enumerate(((0, 0), (1, 0), (0, 1))):
        assert torch.equal(pairs["identity"][row], alone[source]["identity"][index])
    assert len(pairs["target"]) == 3 and data.test_batch(0) == {}


def test_targets_that_some_have_and_others_not(tree, tmp_path):
    for video in "ab":
        for clip in ("run", "jump"):
            draw_figure(tmp_path / "other" / "train" / video / clip / "0.png", ord(video), 3)
    batch = open_data(tiny_config("--dataset_path", f"{tree} + {tmp_path / 'other'}")).train.batch([0, 1])
    assert batch["has_target"].tolist() == [True, False] and not batch["target"][1].any()


@pytest.mark.parametrize("workers", (0, 1))
def test_loaders_give_the_same_batches(tree, workers):
    data = open_data(tiny_config("--dataset_path", f"toon + {tree}", "--augment", "both"))
    loader = iter(make_loader(data.train, EndlessBatches(3), workers, torch.device("cpu"), progress=False))
    for first in (0, 3):
        assert equal(next(loader), data.train.batch([first, first + 1, first + 2]))


def test_frames_alone_are_still_prepared(tree):
    data = open_data(tiny_config("--dataset_path", f"{tree} + {tree}", "--augment", "flip"))
    assert data.train.prepare(progress=False)
    assert not open_data(tiny_config("--dataset_path", f"toon + {tree}")).train.prepare(progress=False)


def test_flips_and_colours_are_shared_by_the_pictures_of_a_sample(tree):
    plain = FrameDataset(open_data(tiny_config("--dataset_path", str(tree))).train.catalog, 32, 5)
    before, flips = plain.batch(range(40)), Augmented(plain, "flip", 1).batch(range(40))
    mirrored = [not torch.equal(a, b) for a, b in zip(before["identity"], flips["identity"])]
    assert 8 < sum(mirrored) < 32
    for row, turned in enumerate(mirrored):
        for name in ("identity", "real", "pose", "target"):
            assert torch.equal(flips[name][row], before[name][row].flip(-1) if turned else before[name][row])
    painted = Augmented(plain, "colour", 1).batch(range(8))
    assert not torch.equal(painted["identity"], before["identity"][:8])
    assert equal(painted, Augmented(plain, "colour", 1).batch(range(8)))  # (seed, index) decide
    for row in range(8):
        table = {}
        for name in ("identity", "real", "pose", "target"):
            old, new = (
                before[name][row].permute(1, 2, 0).reshape(-1, 3),
                painted[name][row].permute(1, 2, 0).reshape(-1, 3),
            )
            for a, b in zip(old.tolist(), new.tolist()):
                assert table.setdefault(tuple(a), b) == b  # one colour becomes one colour in all four


def test_black_and_white_stay():
    image = torch.tensor([0, 255, 100], dtype=torch.uint8).reshape(1, 1, 3).expand(3, 1, 3)
    made = repaint(image, (2, 0, 1), power_tables((1.5, 0.7, 1.0)))
    assert made[:, 0, 0].tolist() == [0, 0, 0] and made[:, 0, 1].tolist() == [255, 255, 255]
    assert made[2, 0, 2] == 100 and made[0, 0, 2] < 100 < made[1, 0, 2]
