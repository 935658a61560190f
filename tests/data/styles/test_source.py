"""Samples of folders in random styles."""

from __future__ import annotations

import pytest
import torch

from capture.data.loading import make_loader
from capture.data.open_data import open_data
from capture.data.sampling import EndlessBatches
from capture.data.styles.source import StyledSource
from tests.conftest import tiny_config


@pytest.fixture
def source(mixamo_tree) -> StyledSource:
    config = tiny_config("--dataset_path", str(mixamo_tree), "--style_filters", "many", "--style_share", "0.8")
    train = open_data(config).train
    assert isinstance(train, StyledSource)
    return train


class TestStyledSource:
    def test_sample_is_the_same_alone_and_in_a_batch(self, source):
        batch = source.batch([6, 2, 9])
        for row, index in enumerate((6, 2, 9)):
            assert all(torch.equal(batch[name][row], value) for name, value in source[index].items())

    def test_samples_are_styled_or_those_of_the_source(self, source):
        changed = [
            not torch.equal(source[i]["identity"], source.source[i]["identity"])
            or not torch.equal(source[i]["pose"], source.source[i]["pose"])
            for i in range(20)
        ]
        assert 8 < sum(changed) < 20
        source.share = 0.0
        assert torch.equal(source[3]["identity"], source.source[3]["identity"])

    def test_further_pictures_of_the_identity_change_nothing_in_the_others(self, source, mixamo_tree):
        argv = ("--style_filters", "many", "--style_share", "0", "--identity_pictures", "4", "--batch_size", "2")
        several = open_data(tiny_config("--dataset_path", str(mixamo_tree), *argv)).train
        source.share = 0.0
        batches = [(several.batch([k, k + 1]), source.batch([k, k + 1])) for k in range(0, 20, 2)]
        assert {len(a) - len(b) for a, b in batches} == {0, 1, 2, 3}
        assert all(torch.equal(a[name], value) for a, b in batches for name, value in b.items())
        several.share = 1.0
        styled = [several.batch([k, k + 1]) for k in range(0, 20, 2)]
        assert all(a.keys() == b.keys() for a, (b, _) in zip(styled, batches))
        role = "identity_2"
        assert any(not torch.equal(a[role], b[role]) for a, (b, _) in zip(styled, batches) if role in a)

    def test_number_of_processes_changes_nothing(self, source):
        seen = []
        for processes in (0, 2):
            loader = make_loader(source, EndlessBatches(3), processes, torch.device("cpu"), progress=False)
            batches = iter(loader)
            seen.append([next(batches) for _ in range(2)])
        for a, b in zip(*seen):
            assert all(torch.equal(a[name], b[name]) for name in a)

    def test_alpha_and_ground_of_the_target_are_there_when_asked_for(self, mixamo_tree):
        for share in ("0", "1"):
            config = tiny_config("--dataset_path", str(mixamo_tree), "--style_filters", "many", "--style_share", share)
            batch = open_data(config, ["target_alpha"]).train.batch(range(8))
            alpha, has = batch["target_alpha"], batch["has_target"]
            assert alpha.shape == (8, 1, 32, 32) and batch["target_ground"].shape == (8, 3, 32, 32)
            assert has.any() and (alpha.flatten(1).any(1) == has).all()
        assert "target_alpha" not in open_data(config).train.batch([0])

    def test_alpha_of_plain_pictures_needs_no_filters(self, mixamo_tree):
        config = tiny_config("--dataset_path", str(mixamo_tree))
        batch = open_data(config, ["target_alpha"]).train.batch(range(4))
        plain = open_data(config).train.batch(range(4))
        assert all(torch.equal(batch[name], value) for name, value in plain.items())
        ground, nothing = (
            batch["target_ground"],
            (batch["target_alpha"] == 0) & batch["has_target"][:, None, None, None],
        )
        assert torch.equal(ground[nothing.expand_as(ground)], batch["target"][nothing.expand_as(ground)])

    def test_filters_are_off_by_default(self, mixamo_tree):
        assert not isinstance(open_data(tiny_config("--dataset_path", str(mixamo_tree))).train, StyledSource)
