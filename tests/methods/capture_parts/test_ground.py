"""The ground of a picture, also behind the figure."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from capture.methods.capture_parts.ground import estimate_ground, fill

SIDE = 64


def figure() -> Tensor:
    """Where a figure stands, bool (1, 1, SIDE, SIDE)."""
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., 16:56, 24:40] = True
    return mask


def gradient() -> Tensor:
    across = torch.linspace(-0.6, 0.6, SIDE)
    return (across[None, :] + 0.5 * across[:, None]).expand(1, 3, SIDE, SIDE).clone()


def checks() -> Tensor:
    cells = torch.arange(SIDE) // 4
    return (((cells[:, None] + cells) % 2) * 1.0 - 0.5).expand(1, 3, SIDE, SIDE).clone()


def with_figure(ground: Tensor) -> Tensor:
    return torch.where(figure(), torch.tensor([0.9, -0.9, 0.2]).view(1, 3, 1, 1), ground)


class TestEstimateGround:
    def test_ground_of_one_colour_is_found_exactly(self):
        ground = torch.tensor([0.3, -0.2, 0.8]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
        found = estimate_ground(with_figure(ground), (~figure()).float())
        torch.testing.assert_close(found, ground, atol=1e-5, rtol=0)

    def test_gradient_is_continued_behind_the_figure(self):
        found = estimate_ground(with_figure(gradient()), (~figure()).float())
        assert (found - gradient()).abs().max() < 0.15 and (found - gradient()).abs().mean() < 0.02

    def test_figure_that_the_segmenter_missed_does_not_become_ground(self):
        for ground in (torch.zeros(1, 3, SIDE, SIDE), gradient()):
            found = estimate_ground(with_figure(ground), torch.ones(1, 1, SIDE, SIDE))
            assert (found - ground).abs().max() < 0.2

    def test_pattern_stays_where_it_is_seen(self):
        found = estimate_ground(with_figure(checks()), (~figure()).float())
        far = torch.nn.functional.max_pool2d(figure().float(), 5, 1, 2) == 0
        far = far.expand_as(found)
        assert torch.equal(found[far], checks()[far])
        assert found[figure().expand_as(found)].abs().max() < 0.55  # no colour of the figure

    def test_picture_without_any_background_has_a_ground_too(self):
        found = estimate_ground(with_figure(gradient()), torch.zeros(1, 1, SIDE, SIDE))
        assert found.isfinite().all() and found.abs().max() <= 1.01

    @pytest.mark.parametrize("side", [32, 48, 100])
    def test_any_even_side(self, side):
        ground = torch.full((2, 3, side, side), 0.25)
        torch.testing.assert_close(estimate_ground(ground, torch.ones(2, 1, side, side)), ground)


class TestFill:
    def test_known_pixels_keep_their_colours(self):
        weight = (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) < 0.3).float()
        picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        filled = fill(picture, weight)
        known = (weight > 0).expand_as(picture)
        torch.testing.assert_close(filled[known], picture[known])
        assert filled.min() >= 0 and filled.max() <= 1

    def test_half_a_picture_is_filled_with_the_other_half(self):
        weight = torch.zeros(1, 1, 16, 16)
        weight[..., :8] = 1
        picture = torch.where(weight > 0, 0.5, -7.0).expand(1, 3, 16, 16)
        torch.testing.assert_close(fill(picture, weight), torch.full((1, 3, 16, 16), 0.5))
