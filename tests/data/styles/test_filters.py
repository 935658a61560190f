"""Filters on finished pictures whose figure and map are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from capture.data.styles.colours import Colours, shift_colours
from capture.data.styles.defects import Defects, apply_defects, jpeg
from capture.data.styles.edges import hand_drawn
from capture.data.styles.filters import crop_pictures, filter_pictures, separate
from capture.data.styles.grounds import Ground, ground_picture
from capture.data.styles.medium import Medium, apply_medium
from capture.data.styles.pixel_art import PixelArt
from capture.data.styles.style import KINDS, NO_INK, PLAIN, Ink, Style, draw_style
from tests.helpers.styles import figure_and_map

BARE = Style(ink=NO_INK)


class TestFilterPictures:
    def test_plain_style_changes_nothing(self):
        pictures, maps = figure_and_map()
        drawn = filter_pictures(pictures, maps, PLAIN)
        assert torch.equal(drawn.pictures, pictures) and torch.equal(drawn.maps, maps)
        assert torch.equal(drawn.alpha == 255, maps[:, :1] > 0) and (drawn.ground == pictures[0, :, :1, :1]).all()

    def test_a_picture_is_its_figure_over_its_ground(self):
        pictures, maps = figure_and_map()
        style = replace(BARE, ground=Ground("checks", (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), 3))
        drawn = filter_pictures(pictures, maps, style)
        behind = (drawn.alpha == 0).expand_as(pictures)
        assert behind.any() and torch.equal(drawn.pictures[behind], drawn.ground[behind])
        assert ((drawn.alpha > 0) == (maps[:, :1] > 0)).all() and len(drawn.ground.flatten(2).unique(dim=-1)[0, 0]) > 1

    def test_ground_changes_and_the_figure_stays(self):
        pictures, maps = figure_and_map()
        style = replace(BARE, ground=Ground("flat", (0.0, 1.0, 0.0)))
        drawn, same, *_ = filter_pictures(pictures, maps, style)
        figure = (maps[:, :1] > 0).expand_as(pictures)
        assert torch.equal(drawn[figure], pictures[figure]) and torch.equal(same, maps)
        assert (drawn.permute(0, 2, 3, 1)[~figure[:, 0]] == torch.tensor([0, 255, 0])).all()

    def test_ink_is_drawn_around_the_figure_and_between_its_parts(self):
        pictures, maps = figure_and_map()
        ink = Ink(2, 1, (0.0, 0.0, 0.0), own=0.0)
        drawn, *_ = filter_pictures(pictures, maps, replace(BARE, ink=ink))
        black = (drawn == 0).all(1)
        outside, inside = maps[:, 0] == 0, maps[:, 0] > 0
        assert (black & outside).any() and (black & inside).any() and not black[:, 0].any()

    def test_pixel_art_has_the_maps_of_its_large_pixels(self):
        pictures, maps = figure_and_map(2, 64)
        drawn, small, *_ = filter_pictures(pictures, maps, replace(BARE, pixel_art=PixelArt(16, 4)))
        for x in (drawn, small):
            blocks = x.unflatten(3, (16, 4)).unflatten(2, (16, 4))
            assert (blocks == blocks[:, :, :, :1, :, :1]).all()

    @pytest.mark.parametrize("kind", list(KINDS["many"]))
    def test_every_kind_of_style_draws_pictures_without_maps_too(self, kind):
        pictures, maps = figure_and_map()
        style = draw_style(np.random.default_rng(5), kind=kind)
        drawn, same, *_ = filter_pictures(pictures, torch.zeros_like(maps), style)
        assert drawn.shape == pictures.shape and drawn.dtype == torch.uint8 and not same.any()
        assert not torch.equal(drawn, pictures)
        again, *_ = filter_pictures(pictures, torch.zeros_like(maps), style)
        assert torch.equal(drawn, again)


class TestCropPictures:
    def test_whole_frame_changes_nothing(self):
        pictures, maps = figure_and_map()
        drawn, same = crop_pictures(pictures, maps, [1.0] * 2, [0.0] * 2, [0.0] * 2)
        assert torch.equal(drawn, pictures) and torch.equal(same, maps)

    def test_picture_and_map_move_together(self):
        pictures, maps = figure_and_map(1, 32)
        drawn, moved = crop_pictures(pictures, maps, [1.0], [0.125], [0.25])
        assert torch.equal(drawn[..., 8:, 4:], pictures[..., :-8, :-4])
        assert torch.equal(moved[..., 8:, 4:], maps[..., :-8, :-4])

    def test_map_of_a_smaller_picture_holds_values_of_the_map_only(self):
        pictures, maps = figure_and_map(2, 32)
        drawn, small = crop_pictures(pictures, maps, [0.5, 0.75], [0.0] * 2, [0.0] * 2)
        assert set(small[:, 0].unique().tolist()) == {0, 1, 7}
        assert (drawn[:, :, 0] == 235).all()
        assert abs((small[0, 0] > 0).sum() / (maps[0, 0] > 0).sum() - 0.25) < 0.05


class TestColours:
    def test_grey_has_no_hue(self):
        grey = torch.full((1, 3, 4, 4), 0.4)
        assert torch.allclose(shift_colours(grey, Colours(hue_degrees=120)), grey, atol=2e-3)

    def test_rotation_moves_colours_and_no_saturation_removes_them(self):
        red = torch.tensor([0.7, 0.2, 0.2]).view(1, 3, 1, 1)
        turned = shift_colours(red, Colours(hue_degrees=120)).flatten()
        assert turned.argmax() != 0
        assert shift_colours(red, Colours(saturation=0.0)).std() < 0.02


class TestMedium:
    def layers(self):
        return separate(*figure_and_map(2, 64), BARE)

    def test_paper_remains_without_paint(self):
        paper = (0.9, 0.8, 0.7)
        drawn = apply_medium(self.layers(), Medium(paint=0.0, paper=paper), seed=1)
        assert torch.allclose(drawn.paint, torch.tensor(paper).view(1, 3, 1, 1).expand_as(drawn.paint))

    def test_dark_places_are_hatched_more_than_light_ones(self):
        hatched = Medium(paint=0.0, hatching=1.0, hatching_pixels=6)
        drawn = apply_medium(self.layers(), hatched, seed=1)
        maps = figure_and_map(2, 64)[1]
        dark, light = (drawn.paint.mean(1)[maps[:, 0] == part].mean() for part in (7, 0))
        assert dark < light - 0.1

    def test_watercolour_is_darker_at_the_contour(self):
        drawn = apply_medium(self.layers(), Medium(wash=0.8), seed=3).paint.mean(1)[0]
        rim, middle = drawn[9:12, 24:36].mean(), drawn[15:20, 24:36].mean()
        assert rim < middle


class TestGrounds:
    @pytest.mark.parametrize("kind", ["gradient", "stripes", "checks", "dots", "noise", "clutter"])
    def test_ground_is_the_same_for_the_same_seed(self, kind):
        own = torch.zeros(2, 3, 1, 1)
        ground = Ground(kind, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), seed=4)
        picture = ground_picture(ground, 32, own)
        assert picture.shape[1:] == (3, 32, 32) and picture.min() >= 0 and picture.max() <= 1
        assert picture.flatten(2).std(2).max() > 0.02
        assert torch.equal(picture, ground_picture(ground, 32, own))
        assert not torch.equal(picture, ground_picture(replace(ground, seed=5), 32, own))


class TestDefects:
    def test_jpeg_loses_more_at_lower_quality_and_about_what_the_codec_loses(self):
        import io

        from PIL import Image

        noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        picture = torch.nn.functional.interpolate(noise, size=(64, 64), mode="bicubic").clamp(0, 1)
        file = io.BytesIO()
        array = (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        Image.fromarray(array).save(file, "JPEG", quality=30, subsampling=0)
        coded = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
        errors = [(jpeg(picture, quality) - picture).square().mean().sqrt() for quality in (10, 30, 95)]
        assert errors[0] > errors[1] > errors[2] and errors[2] < 0.02
        assert (jpeg(picture, 30)[0] - coded).square().mean().sqrt() < 0.5 * errors[1]

    def test_random_convolution_keeps_mean_and_deviation(self):
        picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 0.4 + 0.3
        drawn = apply_defects(picture, Defects(random_convolution=1.0), seed=2)
        assert not torch.allclose(drawn, picture, atol=0.05)
        assert torch.allclose(drawn.mean((0, 2, 3)), picture.mean((0, 2, 3)), atol=0.02)

    def test_ground_of_a_random_convolution_is_what_lies_behind_the_figure(self):
        ground = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 0.1 + 0.8
        picture = ground.clone()
        picture[..., 8:24, 12:20] = torch.tensor([0.1, 0.3, 0.2]).view(3, 1, 1)
        defects = Defects(random_convolution=0.7, noise=0.02)
        drawn, behind = apply_defects(picture, defects, 2), apply_defects(ground, defects, 2, of=picture)
        apart = (drawn - behind).abs().amax(1)[0]
        assert apart[:6].max() < 1e-5 and apart[10:22, 14:18].min() > 0.05

    def test_blur_and_resampling_lower_contrast(self):
        picture = (torch.arange(32) % 2).float().expand(1, 3, 32, 32)
        for defects in (Defects(blur=4.0), Defects(resampled=0.4)):
            assert apply_defects(picture, defects, 0).std() < 0.7 * picture.std()


class TestHandDrawn:
    def test_broken_lines_miss_about_their_share(self):
        lines = torch.ones(1, 64, 64, dtype=torch.bool)
        assert abs(hand_drawn(lines, Ink(broken=0.3), 1, 1.0).float().mean() - 0.7) < 0.02

    def test_lines_stray_a_little_and_doubled_ones_are_more(self):
        lines = torch.zeros(1, 64, 64, dtype=torch.bool)
        lines[:, 32] = True
        strayed = hand_drawn(lines, Ink(wobble=2.0), 1, 1.0)
        rows = strayed[0].any(1).nonzero()
        assert not torch.equal(strayed, lines) and rows.min() >= 24 and rows.max() <= 40
        assert hand_drawn(lines, Ink(wobble=2.0, doubled=True), 1, 1.0).sum() > strayed.sum()
