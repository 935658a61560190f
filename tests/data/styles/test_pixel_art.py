"""Pixel art: large pixels, a palette, an outline, and maps of the same pixels."""

from __future__ import annotations

import pytest
import torch

from capture.data.styles.pixel_art import PixelArt, centres, enlarge, owners, pixelate
from tests.helpers.styles import figure_and_map


@pytest.fixture
def figures():
    pictures, maps = figure_and_map(2, 64)
    share = (maps[:, :1] > 0).float()
    noise = torch.rand(pictures.shape, generator=torch.Generator().manual_seed(0)) * 0.3
    return (pictures / 255 * 0.7 + noise) * share, share, maps


def colours_of(figure: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    return figure.permute(0, 2, 3, 1)[share[:, 0] > 0].unique(dim=0)


class TestPixelate:
    def test_palette_has_at_most_so_many_colours_for_all_figures_together(self, figures):
        figure, share, maps = pixelate(*figures, PixelArt(24, 6), seed=1)
        assert figure.shape == (2, 3, 24, 24) and set(share.unique().tolist()) == {0.0, 1.0}
        assert 2 <= len(colours_of(figure, share)) <= 6

    def test_map_of_a_large_pixel_is_that_of_the_pixel_in_its_middle(self, figures):
        _, share, maps = pixelate(*figures, PixelArt(24, 6), seed=1)
        at = centres(24, 64)
        assert torch.equal(maps, figures[2][:, :, at[:, None], at] * (share > 0)) and (maps > 0).any()

    def test_outline_surrounds_the_figure_and_belongs_to_no_part(self, figures):
        plain, outlined = (pixelate(*figures, PixelArt(24, 6, outlined=lined), seed=1) for lined in (False, True))
        ring = (outlined[1] > 0) & (plain[1] == 0)
        assert ring.any() and not outlined[2][:, :1][ring].any()
        dark = outlined[0].sum(1, keepdim=True)[ring].max()
        assert dark < plain[0].sum(1, keepdim=True)[plain[1] > 0].min()

    def test_ordered_dithering_mixes_colours_of_the_palette(self, figures):
        smooth = torch.linspace(0, 1, 64).expand(2, 3, 64, 64).contiguous()
        share, maps = torch.ones(2, 1, 64, 64), torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
        changes = []
        for dither in (0.0, 0.2):
            figure, _, _ = pixelate(smooth, share, maps, PixelArt(64, 4, dither=dither), seed=1)
            assert len(colours_of(figure, share)) <= 4
            changes.append((figure[0, 0, 0, 1:] != figure[0, 0, 0, :-1]).sum())
        assert changes[0] <= 3 < changes[1]


class TestEnlarge:
    @pytest.mark.parametrize("pixels", [24, 50, 64])
    def test_each_large_pixel_becomes_a_block_of_its_value(self, pixels):
        small = torch.arange(pixels * pixels).view(1, 1, pixels, pixels)
        large = enlarge(small, 64)
        assert large.shape[-1] == 64 and set(large.unique().tolist()) == set(small.unique().tolist())
        assert torch.equal(large[..., centres(pixels, 64)[:, None], centres(pixels, 64)], small)
        assert (owners(pixels, 64).diff() >= 0).all()
