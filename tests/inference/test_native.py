"""Pictures at the size of the identity's drawing, with alpha: sharp, at their place, and without a fringe."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from capture.inference.background import cut_out, parse_background, put_on
from capture.inference.drawing import cut_drawing, native_resolution
from capture.inference.native import render_native
from capture.inference.silhouette import coverage, own_colours, signed_distance
from capture.inference.window import Window, place_back
from tests.helpers.layers import still_layers
from tests.helpers.make_figures import person, place

GROUND = (235, 235, 235)
SMALL, LARGE = 64, 256


def over(figure: np.ndarray, colour: float) -> np.ndarray:
    alpha = figure[..., 3:] / 255.0
    return figure[..., :3] * alpha + colour * (1 - alpha)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@pytest.fixture(scope="module")
def drawn():
    return person(LARGE)


@pytest.fixture(scope="module")
def rendered(drawn):
    """The figure that stays where it is, rendered at its own size."""
    drawing = cut_drawing(drawn, Window.whole(LARGE, LARGE), LARGE)
    return render_native(still_layers(drawn, SMALL, GROUND), 0, [drawing], GROUND)


class TestRenderNative:
    def test_a_figure_that_stays_is_its_drawing(self, drawn, rendered):
        """Several times as near to the drawing as the network's picture enlarged is."""
        truth = over(np.asarray(drawn).astype(float), 235)
        small = Image.fromarray(over(np.asarray(drawn.resize((SMALL, SMALL), Image.Resampling.BOX)), 235).astype("u1"))
        enlarged = np.asarray(small.resize((LARGE, LARGE), Image.Resampling.BICUBIC))
        assert rendered.shape == (LARGE, LARGE, 4) and rendered.dtype == np.uint8
        assert difference(over(rendered, 235), truth) < 0.55 * difference(enlarged, truth)
        inside = signed_distance(np.asarray(drawn)[..., 3] > 127) > 12  # clear of the silhouette, with eyes and seams
        assert np.abs(over(rendered, 235) - truth)[inside].mean() < 1

    def test_nothing_of_the_ground_is_left(self, rendered):
        assert (rendered[..., 3] == 0).mean() > 0.5 and not rendered[rendered[..., 3] == 0].any()

    def test_a_part_that_moves_takes_the_pixels_along(self, drawn):
        """Both parts come from a tenth of the picture further to the right."""
        layers = still_layers(drawn, SMALL, GROUND)
        layers.part_maps[..., 0, 2] = 0.2
        shift = LARGE // 10
        moved = Image.new("RGBA", drawn.size)
        moved.paste(drawn, (-shift, 0))
        layers.image = still_layers(moved, SMALL, GROUND).image
        layers.logits[:, 0] = still_layers(moved, SMALL, GROUND).logits[:, 0]
        made = render_native(layers, 0, [cut_drawing(drawn, Window.whole(LARGE, LARGE), LARGE)], GROUND)
        inside = signed_distance(np.asarray(moved)[..., 3] > 127) > 12
        assert np.abs(over(made, 235) - over(np.asarray(moved), 235))[inside].mean() < 6  # 25.6 pixels, not 25

    def test_what_was_painted_stays(self, drawn):
        """Where the network's picture differs from the drawing and is painted, it is enlarged."""
        layers = still_layers(drawn, SMALL, GROUND, share=0.0)
        layers.image[:, :, 28:36, 28:36] = torch.tensor([-1.0, 1.0, -1.0])[:, None, None]
        drawing = cut_drawing(drawn, Window.whole(LARGE, LARGE), LARGE)
        made = render_native(layers, 0, [drawing], GROUND)
        assert np.abs(made[122:134, 122:134, :3].astype(int) - (0, 255, 0)).max() < 40

    def test_a_drawing_without_a_line_gets_none(self):
        plain = person(LARGE, outline=None)
        drawing = cut_drawing(plain, Window.whole(LARGE, LARGE), LARGE)
        assert drawing.outline is None
        made = render_native(still_layers(plain, SMALL, GROUND), 0, [drawing], GROUND)
        edge = (signed_distance(made[..., 3] > 127) > 0) & (signed_distance(made[..., 3] > 127) < 3)
        dark = (made[..., :3].max(-1) < 60)[edge].mean()
        assert dark < 0.15  # the shoes

    def test_a_picture_is_the_same_in_any_batch(self, drawn, rendered):
        one = still_layers(drawn, SMALL, GROUND)
        values = {f.name: getattr(one, f.name) for f in dataclasses.fields(one)}
        two = dataclasses.replace(one, **{name: torch.cat([x] * 2) for name, x in values.items() if x is not None})
        drawing = cut_drawing(drawn, Window.whole(LARGE, LARGE), LARGE)
        assert np.array_equal(render_native(two, 1, [drawing], GROUND), rendered)

    def test_parts_of_a_second_picture(self, drawn):
        """The right half comes from another drawing, whose shirt is green."""
        layers = still_layers(drawn, SMALL, GROUND)
        layers.part_source[0, 1] = 1
        layers.residual_flow = layers.residual_flow.expand(1, 2, -1, -1, -1)
        green = person(LARGE, shirt=(40, 180, 60))
        drawings = [cut_drawing(one, Window.whole(LARGE, LARGE), LARGE) for one in (drawn, green)]
        made = render_native(layers, 0, drawings, GROUND)
        assert np.abs(made[125, 110, :3].astype(int) - (220, 40, 60)).max() < 8
        assert np.abs(made[125, 146, :3].astype(int) - (40, 180, 60)).max() < 8

    def test_a_drawing_that_shows_nothing_more_is_not_sampled(self, drawn, rendered):
        layers = still_layers(drawn, SMALL, GROUND)
        green = cut_drawing(person(LARGE, shirt=(40, 180, 60)), Window.whole(LARGE, LARGE), LARGE)
        made = render_native(layers, 0, [green], GROUND, finer=False)
        assert np.abs(made[125, 110, :3].astype(int) - (220, 40, 60)).max() < 8
        assert np.array_equal(made[..., 3], rendered[..., 3])

    def test_an_empty_picture_is_transparent(self, drawn):
        layers = still_layers(Image.new("RGBA", drawn.size), SMALL, GROUND)
        drawing = cut_drawing(drawn, Window.whole(LARGE, LARGE), LARGE)
        assert not render_native(layers, 0, [drawing], GROUND).any()


class TestDrawing:
    def test_a_window_shows_its_part_of_the_picture(self, drawn):
        """A figure in the corner of a large picture on blue is the figure cut out, wherever its window reaches."""
        blue = place([(drawn, (300, 20))], (80, 170, 230), (600, 400))
        window = Window(300, 20, LARGE, blue.size)
        drawing = cut_drawing(blue, window, LARGE)
        shown = drawing.pixels.permute(1, 2, 0).numpy()
        truth = np.asarray(drawn) / 255.0
        assert difference(shown[..., 3], truth[..., 3]) < 0.01
        assert difference(shown[..., :3], truth[..., :3] * truth[..., 3:]) < 0.01
        assert max(abs(a - b) for a, b in zip(drawing.ground, (80, 170, 230))) <= 2

    def test_a_window_that_reaches_outside_is_transparent_there(self, drawn):
        window = Window(-LARGE / 2, 0, 1.5 * LARGE, drawn.size)
        shown = cut_drawing(drawn, window, 96).pixels
        assert shown.shape == (4, 96, 96) and not shown[:, :, :32].any() and shown[3].max() == 1

    def test_the_line_around_a_drawing_is_measured(self, drawn):
        outline = cut_drawing(drawn, Window.whole(LARGE, LARGE), LARGE).outline
        assert outline is not None and 1 <= outline.width <= 4 and np.abs(outline.colour - (20, 16, 20)).max() < 20

    @pytest.mark.parametrize(("side", "expected"), [(1000.0, 1000), (333.4, 334), (40, 128), (5000, 2048)])
    def test_native_resolution_is_even_and_bounded(self, side, expected):
        assert native_resolution(Window(0, 0, side, (5000, 5000)), 128, 2048) == expected


class TestTransparent:
    @pytest.mark.parametrize("colour", [0, 255])
    def test_no_grey_fringe_over_black_and_white(self, drawn, rendered, colour):
        """Beside the silhouette the figure has its own colours: half as far from the truth as colours with ground."""
        truth = np.asarray(drawn)
        near = np.abs(signed_distance(truth[..., 3] > 127)) < 2
        grey = np.concatenate([over(rendered, 235), rendered[..., 3:]], axis=-1)
        own, mixed = (np.abs(over(one, colour) - over(truth, colour))[near].mean() for one in (rendered, grey))
        assert own < 30 and (own < 0.9 * mixed or colour == 255)
        assert np.quantile(over(rendered, 0)[near].mean(-1), 0.95) < 130  # a fringe would be lighter than the line

    def test_no_grey_fringe_at_the_networks_size(self, drawn):
        small = np.asarray(drawn.resize((SMALL, SMALL), Image.Resampling.BOX))
        grey = over(small, 235).astype(np.uint8)
        cut = cut_out(grey, GROUND)
        assert np.array_equal(put_on(cut, "auto", GROUND, None)[0, 0], GROUND)
        edge = (cut[..., 3] > 0) & (cut[..., 3] < 255)
        assert edge.sum() > 50
        lighter = over(cut, 0).mean(-1) - over(small, 0).mean(-1)
        naive = grey.mean(-1) * (cut[..., 3] / 255) - over(small, 0).mean(-1)
        assert lighter[edge].mean() < 0.5 * naive[edge].mean()

    def test_an_alpha_that_is_nearly_nothing_is_nothing(self, drawn):
        """Where a network is not quite sure of the ground, no rays of the figure's colours are left around it."""
        small = np.asarray(drawn.resize((SMALL, SMALL), Image.Resampling.BOX))
        alpha = small[..., 3] / 255
        cut = cut_out(over(small, 235).astype(np.uint8), GROUND, alpha=0.06 + 0.9 * alpha)
        assert not cut[alpha == 0].any() and (cut[alpha == 1][:, 3] == 255).all()

    def test_colours_of_edges_are_unmixed(self):
        """A red square whose edge covers half of its pixels: half clear, and as red as its middle."""
        image = np.empty((3, 32, 32), np.float32)
        image[:] = 235
        image[:, 8:24, 8:24] = np.array([200, 20, 30])[:, None, None]
        image[:, 7, 8:24] = np.array([(200 + 235) / 2, (20 + 235) / 2, (30 + 235) / 2])[:, None]
        ground = np.float32([235, 235, 235])
        covered = coverage(image, ground)
        assert np.abs(covered[7, 10:22] - 0.5).max() < 0.01 and covered[12, 12] == 1 and covered[2, 2] == 0
        assert np.abs(own_colours(image, covered, ground)[:, 7, 12] - (200, 20, 30)).max() < 1

    def test_a_hole_is_told_from_clothes_of_the_grounds_colour(self):
        image = np.full((3, 64, 64), 40, np.float32)
        image[:, :8] = image[:, -8:] = image[:, :, :8] = image[:, :, -8:] = 235
        image[:, 16:24, 16:24] = image[:, 40:48, 40:48] = 235
        background = np.zeros((64, 64), np.float32)
        background[16:24, 16:24] = 0.9
        covered = coverage(image, np.float32([235] * 3), background)
        assert covered[20, 20] == 0 and covered[44, 44] == 1

    def test_place_back_of_a_transparent_picture(self, rendered):
        window = Window(100, 100, 200, (600, 600))
        placed, _ = place_back(rendered, window)
        assert placed.shape[-1] == 4 and not placed[0, 0].any() and placed[..., 3].max() == 255


class TestBackground:
    def test_names_and_colours(self):
        assert parse_background("keep") == "keep" and parse_background("#8cf") == (0x88, 0xCC, 0xFF)
        assert parse_background("#0102fF") == (1, 2, 255)

    def test_backgrounds_of_a_figure(self, rendered):
        corner = {
            name: put_on(rendered, background, GROUND, (1, 2, 3))[0, 0].tolist()
            for name, background in {
                "auto": "auto",
                "keep": "keep",
                "colour": (9, 8, 7),
                "clear": "transparent",
            }.items()
        }
        assert corner == {"auto": [235] * 3, "keep": [1, 2, 3], "colour": [9, 8, 7], "clear": [0] * 4}
        assert put_on(rendered, "keep", GROUND, None).shape[-1] == 4  # the identity's picture is transparent
