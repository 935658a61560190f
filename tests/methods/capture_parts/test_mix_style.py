"""MixStyle: statistics of features are exchanged, what a picture shows is not."""

from __future__ import annotations

import pytest
import torch

from capture.methods.build import new_method
from capture.methods.capture_parts.mix_style import StyleMixing, draw_style_numbers, mix_style, style_mixing
from tests.conftest import tiny_config
from tests.helpers.parts import random_pair, tiny_generator


def statistics(x):
    return x.mean((2, 3)), x.std((2, 3), correction=0)


class TestMixStyle:
    x = torch.randn(3, 5, 8, 8, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 4)[:, None, None, None]

    def test_without_own_statistics_a_picture_takes_its_partners(self):
        partner = torch.tensor([1, 2, 0])
        mixed = mix_style(self.x, StyleMixing(partner, torch.zeros(3)))
        for made, wanted in zip(statistics(mixed), statistics(self.x[partner])):
            torch.testing.assert_close(made, wanted, atol=1e-4, rtol=1e-4)
        assert torch.corrcoef(torch.stack([mixed[0, 0].flatten(), self.x[0, 0].flatten()]))[0, 1] > 0.999

    def test_own_statistics_alone_leave_a_picture_as_it_is(self):
        mixing = StyleMixing(torch.tensor([1, 2, 0]), torch.ones(3))
        torch.testing.assert_close(mix_style(self.x, mixing), self.x, atol=1e-4, rtol=1e-4)


class TestStyleNumbers:
    def test_half_of_the_updates_mix_and_shares_are_mostly_near_one_of_both(self):
        rng = torch.Generator().manual_seed(1)
        drawn = [draw_style_numbers(6, 0.5, rng) for _ in range(200)]
        own = torch.stack([numbers[:, 7:] for numbers in drawn if (numbers[:, 7:] != 1).any()])
        assert 70 < len(own) < 130
        assert ((own < 0.1) | (own > 0.9)).float().mean() > 0.7 and 0.4 < own.mean() < 0.6

    def test_every_picture_is_the_partner_of_one(self):
        mixing = style_mixing(draw_style_numbers(4, 1.0, torch.Generator().manual_seed(0)), pictures=3)
        assert sorted(mixing.partner.tolist()) == list(range(12)) and mixing.own.shape == (12,)

    def test_a_share_of_a_batch_is_mixed_by_its_own_rows(self):
        numbers = draw_style_numbers(4, 1.0, torch.Generator().manual_seed(0))
        assert sorted(style_mixing(numbers[2:], pictures=2).partner.tolist()) == [0, 1, 2, 3]


class TestSegmenter:
    def test_mixing_changes_what_is_segmented_and_own_statistics_do_not(self):
        generator = tiny_generator()
        pictures = {"identity": random_pair(4)["identity"]}
        numbers = draw_style_numbers(2, 1.0, torch.Generator().manual_seed(0))  # two samples of two pictures
        plain = generator(pictures, until="segmentation").features
        mixed = generator(pictures, until="segmentation", style_numbers=numbers).features
        assert (mixed - plain).abs().max() > 1e-3
        numbers[:, 7:] = 1
        torch.testing.assert_close(
            generator(pictures, until="segmentation", style_numbers=numbers).features, plain, atol=1e-4, rtol=1e-3
        )

    @pytest.mark.parametrize("stage", ("segmentation", "layout", "synthesis"))
    def test_stages_in_which_the_segmenter_learns_mix_if_they_are_asked_to(self, stage):
        argv = ("--method", "capture_parts", "--stage", stage)
        plain, mixing = (new_method(tiny_config(*argv, *more)) for more in ((), ("--mix_style", "1")))
        learns = stage != "synthesis"
        drawn = [method.sample_noise(2, torch.Generator().manual_seed(0)) for method in (plain, mixing)]
        assert (drawn[0].shape != drawn[1].shape) == learns
        maps = torch.randint(0, 4, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
        pictures = random_pair() | {"target": random_pair(seed=3)["pose"]}
        batch = pictures | {f"{role}_uv": maps for role in pictures}
        losses = [method.loss("gen", batch, noise, None)[0] for method, noise in zip((plain, mixing), drawn)]
        assert torch.equal(*losses) != learns
