"""Several datasets, from which samples are drawn in turn."""

from __future__ import annotations

import shutil

import pytest
import torch

from capture.data.loading import make_loader
from capture.data.mixed import Mixed
from capture.data.open_data import open_data
from capture.data.sample_source import SampleSource
from capture.data.sampling import EndlessBatches
from capture.data.toon.dataset import ToonStream
from tests.conftest import draw_figure, tiny_config


@pytest.fixture
def tree(mixamo_tree, tmp_path):
    return shutil.copytree(mixamo_tree, tmp_path / "tree", ignore=shutil.ignore_patterns(".capture"))


def equal(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TestMixedTestBatch:
    def test_pairs_come_in_turn_once_for_each_dataset(self, tree):
        data = open_data(tiny_config("--dataset_path", f"toon + toon + {tree}"), ())
        alone = [open_data(tiny_config("--dataset_path", path), ()).test_batch(2) for path in ("toon", str(tree))]
        pairs = data.test_batch(3)
        for row, (source, index) in enumerate(((0, 0), (1, 0), (0, 1))):
            assert torch.equal(pairs["identity"][row], alone[source]["identity"][index])
        assert len(pairs["target"]) == 3 and data.test_batch(0) == {}


class Numbers(SampleSource):
    """Samples that are their own numbers."""

    def batch(self, indices):
        return {"identity": torch.tensor(indices)}

    def describe(self, index):
        return {"identity": str(index)}


class TestMixed:
    @pytest.mark.parametrize("path", ["toon + {}", "{} + toon + toon"])
    def test_every_update_has_as_many_pictures_of_an_identity_as_its_sources_say(self, tree, path):
        argv = ("--dataset_path", path.format(tree), "--identity_pictures", "4", "--batch_size", "4")
        data = open_data(tiny_config(*argv), {"identity_uv"})
        counts = []
        for update in range(6):
            batch = data.train.batch(range(4 * update, 4 * update + 4))
            pictures = [batch[name] for name in sorted(batch) if name.startswith("identity") and name[-2:] != "uv"]
            assert all(picture.flatten(1).float().std(1).min() > 0 for picture in pictures)  # none is blank
            alone = data.train.batch([4 * update + 2])
            assert alone.keys() == batch.keys()
            assert sum(name.startswith("identity") for name in batch) == 2 * len(pictures)
            counts.append(len(pictures))
        assert len(set(counts)) > 2

    def test_no_source_leaves_a_number_out(self):
        """A source that renders groups, or that reads shards in turn, would never use the numbers between."""
        one, two = Numbers(), Numbers()
        drawn = Mixed([one, two, one]).batch(range(12))["identity"].tolist()
        assert drawn[1::3] == [0, 1, 2, 3]
        assert [number for i, number in enumerate(drawn) if i % 3 != 1] == list(range(8))

    def test_every_batch_has_the_names_of_all_parts(self, tree):
        """Also where all of its samples come from one part, and that part has no targets."""
        (tree / "manifest.json").write_text('{"version": 1, "aligned": false}')
        for indices in ([1], [0], [3, 5]):
            data = open_data(tiny_config("--dataset_path", f"toon + {tree}"), ())
            batch = data.train.batch(indices)
            assert sorted(batch) == ["has_target", "identity", "pose", "real", "target"]
            assert batch["has_target"].tolist() == [index % 2 == 0 for index in indices]
            assert all(len(value) == len(indices) for value in batch.values())

    def test_samples_come_in_turn_and_never_twice(self, tree):
        data = open_data(tiny_config("--dataset_path", f"toon + toon + {tree}"), ())
        assert isinstance(data.train, Mixed) and "in turn: toon" in data.description
        batch = data.train.batch([0, 1, 2, 3])
        assert {name: tuple(value.shape) for name, value in batch.items()} == {
            **{name: (4, 3, 32, 32) for name in ("identity", "real", "pose", "target")}, "has_target": (4,),
        }  # fmt: skip
        toon, frames = ToonStream(32, 2**62, seed=777), data.train.parts[2]
        for row, part, own in ((0, toon, 0), (1, toon, 1), (2, frames, 0), (3, toon, 2)):
            assert equal({n: v[row] for n, v in batch.items()}, {n: v[0] for n, v in part.batch([own]).items()})
        assert not torch.equal(batch["identity"][0], batch["identity"][1])
        assert data.train.describe(2)["identity"].startswith(str(tree))
        assert data.train.describe(1)["identity"].startswith("Shot(character_seed=")

    def test_target_of_parts_without_targets_is_marked_unknown(self, tree, tmp_path):
        for video in "ab":
            for clip in ("run", "jump"):
                draw_figure(tmp_path / "other" / "train" / video / clip / "0.png", ord(video), 3)
        batch = open_data(tiny_config("--dataset_path", f"{tree} + {tmp_path / 'other'}"), ()).train.batch([0, 1])
        assert batch["has_target"].tolist() == [True, False] and not batch["target"][1].any()

    def test_prepare_is_true_if_all_parts_are_prepared(self, tree):
        data = open_data(tiny_config("--dataset_path", f"{tree} + {tree}"), ())
        assert data.train.prepare(progress=False)
        assert not open_data(tiny_config("--dataset_path", f"toon + {tree}"), ()).train.prepare(progress=False)

    @pytest.mark.parametrize("workers", (0, 1))
    def test_loaders_give_the_same_batches(self, tree, workers):
        data = open_data(tiny_config("--dataset_path", f"toon + {tree}"), ())
        loader = iter(make_loader(data.train, EndlessBatches(3), workers, torch.device("cpu"), progress=False))
        for first in (0, 3):
            assert equal(next(loader), data.train.batch([first, first + 1, first + 2]))
