"""The contract of sources of samples, for every kind of source."""

from __future__ import annotations

import pickle

import pytest
import torch

from capture.data.frames import FrameDataset
from capture.data.index.catalog import scan
from capture.data.mixed import Mixed
from capture.data.sample_source import SampleSource
from capture.data.toon.dataset import ToonStream

SOURCES = {
    "frames": lambda root: FrameDataset(scan(root), 32, 5),
    "prepared frames": lambda root: FrameDataset(scan(root), 32, 5, cache_gb=1.0),
    "toon": lambda root: ToonStream(32, 2**62, 5),
    "toon with maps": lambda root: ToonStream(32, 2**62, 5, uv=True),
    "toon with shared renders": lambda root: ToonStream(32, 2**62, 5, share_renders=True),
    "mixed": lambda root: Mixed([ToonStream(32, 2**62, 5, uv=True), FrameDataset(scan(root), 32, 5)]),
}


@pytest.mark.parametrize("kind", SOURCES)
class TestSampleSource:
    @pytest.fixture
    def source(self, kind, mixamo_tree, tmp_path) -> SampleSource:
        import shutil

        root = shutil.copytree(mixamo_tree, tmp_path / "tree", ignore=shutil.ignore_patterns(".capture"))
        return SOURCES[kind](root)

    def test_batch_has_uint8_pictures_of_every_role(self, source):
        batch = source.batch([0, 1, 2])
        assert {"identity", "real", "pose", "target", "has_target"} <= set(batch)
        for name, value in batch.items():
            if name == "has_target":
                assert value.shape == (3,) and value.dtype == torch.bool
            else:
                assert value.shape == (3, 3, 32, 32) and value.dtype == torch.uint8

    def test_batch_equals_its_samples_one_by_one(self, source):
        batch = source.batch([7, 2])
        for row, sample in enumerate(source.__getitems__([7, 2])):
            assert all(torch.equal(sample[name], value[row]) for name, value in batch.items())
        for row, index in enumerate((7, 2)):
            assert all(torch.equal(value, batch[name][row]) for name, value in source[index].items())

    def test_prepare_and_pickling_do_not_change_samples(self, source):
        before = source.batch([5, 0])
        after = pickle.loads(pickle.dumps(source)).batch([5, 0])
        assert source.prepare(processes=0, progress=False) in (True, False)
        for other in (after, source.batch([5, 0])):
            assert all(torch.equal(value, other[name]) for name, value in before.items())

    def test_describe_names_every_picture(self, source):
        for index in (0, 1):
            description = source.describe(index)
            assert {"identity", "real", "pose"} <= set(description) <= {"identity", "real", "pose", "target"}
            assert all(isinstance(text, str) and text for text in description.values())
